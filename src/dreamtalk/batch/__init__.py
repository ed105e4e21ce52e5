"""Many talks from a table: resumable, in several processes or on a cluster (docs/batch.md)."""

from dreamtalk.batch.run import Batch, Summary, run_batch

__all__ = ["Batch", "Summary", "run_batch"]
