"""Lips that nearly meet, meet: a denoiser that averages what is possible never quite shuts a mouth."""

from __future__ import annotations

import torch
from torch import Tensor

REACH = 2.5
"""% iod: apertures above this are left alone."""


def lips_meet(expression: Tensor, aperture: Tensor, opening: Tensor, reach: float = REACH) -> Tensor:
    """Expression (L, E) with small lip apertures made smaller, along the direction in which mouths open.

    aperture: (E,), expression @ aperture is the change of the inner-lip aperture against neutral, % iod. opening:
    (E,) opens the mouth by 1 % iod. An aperture a in 0..reach becomes a smoothstep(a / reach): 1 becomes 0.35, 2
    becomes 1.8; the curve and its slope go on unbroken at both ends.
    """
    now = expression @ aperture
    share = (now / reach).clamp(0.0, 1.0)
    wanted = torch.where(now > 0.0, now * share * share * (3.0 - 2.0 * share), now)
    return expression + (wanted - now)[:, None] * opening
