"""M ≥ 6 bits as good as dense (Sun et al.): no worse by half a point, without any training.

The paper quantises activations too and trains; here weights alone, all layers. Supported where the
whole 95 % interval over test images is above minus half a point.
"""

from experiments.relatives.contrasts import Contrast

MARGIN = 0.5
NETWORKS = ("lenet300100", "lenet5", "resnet20", "vgg")
WIDTHS = (6, 7, 8)

BITS = tuple(
    Contrast(
        claim="M-bit",
        statement=f"weights of {width} bits no more than {MARGIN:g} points below dense",
        experiment=f"relatives_{network}",
        ours={"rewriter": "bits", "budget": f"{width} bits", "width": "", "half": 0},
        theirs={"track": "dense", "half": 0},
        stage="before",
        margin=MARGIN,
        by=(),
    )
    for network in NETWORKS
    for width in WIDTHS
)
