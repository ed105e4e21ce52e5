"""Adds the models that ship to a software bill of materials (CycloneDX, JSON): with SHA-256, licence and source.

cyclonedx-py environment --of JSON -o out/sbom.json && python docs/make_sbom.py out/sbom.json       # make sbom
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dreamtalk import assets
from dreamtalk.version import package_version


def components() -> list[dict[str, Any]]:
    """The models as CycloneDX 1.5 and later have them."""
    return [_component(asset) for _, asset in sorted(assets.registry().items())]


def _component(asset: assets.Asset) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"dreamtalk-model-{asset.name}",
        "name": asset.name,
        "version": package_version(),
        "description": asset.source,
        "hashes": [{"alg": "SHA-256", "content": asset.sha256}],
        "licenses": [{"license": {"id": asset.licence}}],
        "properties": [{"name": "dreamtalk:file", "value": f"dreamtalk/assets/{asset.file}"}],
    }


def add_models(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill with the models in it, once."""
    ours = components()
    names = {one["bom-ref"] for one in ours}
    return {**bill, "components": [one for one in bill.get("components", []) if one.get("bom-ref") not in names] + ours}


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(json.dumps(add_models(json.loads(file.read_text(encoding="utf-8"))), indent=2), encoding="utf-8")
