"""The hierarchical Tucker format by hierarchical SVD (Grasedyck 2010; relatives.md B.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from baselines.rewriters.left_svd import left_svd

Tree = int | tuple["Tree", "Tree"]
Branch = tuple[Tree, Tree]
Node = tuple[int, ...]  # a node of a tree, as the modes below it
Ranks = Mapping[Node, int]


def balanced(modes: int) -> Branch:
    """The tree over ``0, …, modes − 1``, 2 and more, whose left children have half, rounded up."""
    left = (modes + 1) // 2
    return _over(0, left), _over(left, modes)


def _over(first: int, end: int) -> Tree:
    middle = (first + end + 1) // 2
    return first if end == first + 1 else (_over(first, middle), _over(middle, end))


def node(tree: Tree) -> Node:
    """The leaves of ``tree`` from left to right."""
    return (tree,) if isinstance(tree, int) else node(tree[0]) + node(tree[1])


def parents(tree: Tree) -> list[Branch]:
    """Every tree at or below ``tree`` that is no leaf, children before their parent."""
    return [] if isinstance(tree, int) else [*parents(tree[0]), *parents(tree[1]), tree]


def nodes(tree: Branch) -> list[Node]:
    """All ``2d − 2`` nodes but the root, children before their parent."""
    return [node(child) for parent in parents(tree) for child in parent]


def cuts(tree: Branch) -> list[Node]:
    """The ``2d − 3`` distinct ones: the two nodes below the root are one cut, named by the left."""
    return [at for at in nodes(tree) if at != node(tree[1])]


def clip(ranks: Ranks, tree: Branch, sizes: Sequence[int]) -> dict[Node, int]:
    """The largest ranks at most those of the cuts that frames of modes of ``sizes`` can have.

    None is above what its cut of the tensor can have, a parent's is at most the product of its
    children's, and the two nodes below the root have the same.
    """
    most = {at: _cut_rank(at, sizes) for at in nodes(tree)}
    left, right = (node(child) for child in tree)
    ranks = {**ranks, right: ranks[left]}
    clipped: dict[Node, int] = {(mode,): min(ranks[mode,], most[mode,]) for mode in node(tree)}
    for one, other in parents(tree)[:-1]:
        at = node(one) + node(other)
        clipped[at] = min(ranks[at], most[at], clipped[node(one)] * clipped[node(other)])
    clipped[left] = clipped[right] = min(clipped[left], clipped[right])
    return clipped


def _cut_rank(rows: Node, sizes: Sequence[int]) -> int:
    """The lesser side of a matricisation."""
    height = prod(sizes[mode] for mode in rows)
    return min(height, prod(sizes) // height)


def parameters(ranks: Ranks, tree: Branch, sizes: Sequence[int]) -> int:
    """``Σ n_k r_k + Σ r_t r_tl r_tr`` with 1 for the root's own rank."""
    frames = sum(sizes[mode] * ranks[mode,] for mode in node(tree))
    own = {**ranks, node(tree): 1}
    transfers = (
        own[node(pair)] * own[node(pair[0])] * own[node(pair[1])] for pair in parents(tree)
    )
    return frames + sum(transfers)


@dataclass(frozen=True, eq=False)
class Spectra:
    """Every node's matricisation of a tensor, decomposed.

    Attributes:
        tensor: float64, ``[n_1, …, n_d]``.
        tree: over its modes, leaves in order.
        vectors: left singular vectors ``[Π n below the node, r]`` by node.
        values: singular values ``[r]`` of each of the :func:`cuts`.
    """

    tensor: Tensor
    tree: Branch
    vectors: Mapping[Node, Tensor]
    values: Mapping[Node, Tensor]


def spectra(tensor: Tensor, tree: Branch) -> Spectra:
    """The singular vectors and values of every node of ``tree``, in float64."""
    tensor = tensor.double()
    left, right = (node(child) for child in tree)
    vectors, values = {}, {}
    for at in cuts(tree):
        if at != left:
            vectors[at], values[at] = left_svd(matricised(tensor, at))
    vectors[left], values[left], across = torch.linalg.svd(
        matricised(tensor, left), full_matrices=False
    )
    vectors[right] = across.T
    return Spectra(tensor, tree, vectors, values)


def matricised(tensor: Tensor, rows: Node) -> Tensor:
    """``X_(t)``: the modes of ``rows`` down, all others across, each in order."""
    across = [mode for mode in range(tensor.ndim) if mode not in rows]
    height = prod(tensor.shape[mode] for mode in rows)
    return tensor.permute(*rows, *across).reshape(height, -1)


def tail_bound(spectra: Spectra, ranks: Ranks) -> float:
    """``√(Σ over the 2d − 3 distinct cuts of Σ_{i > r_t} σ_i²)``, at least the error."""
    tails = [s[ranks[at] :].square().sum() for at, s in spectra.values.items()]
    return float(torch.stack(tails).sum().sqrt())


@dataclass(frozen=True, eq=False)
class HTucker:
    """A tensor in the format.

    Attributes:
        tree: over the modes, leaves in order.
        frames: ``U_k [n_k, r_k]`` by mode.
        transfers: ``B_t [r_tl, r_tr, r_t]`` by node that is neither leaf nor root.
        root: ``[r_l, r_r]``.
    """

    tree: Branch
    frames: tuple[Tensor, ...]
    transfers: Mapping[Node, Tensor]
    root: Tensor

    @property
    def cores(self) -> tuple[Tensor, ...]:
        """Frames, transfers and root."""
        return *self.frames, *self.transfers.values(), self.root

    def full(self) -> Tensor:
        """The tensor itself, ``[n_1, …, n_d]``."""
        sizes = [frame.shape[0] for frame in self.frames]
        left, right = (self._expanded(child) for child in self.tree)
        return (left @ self.root @ right.T).reshape(sizes)

    def _expanded(self, tree: Tree) -> Tensor:
        """``U_t = (U_tl ⊗ U_tr) B_t`` without the Kronecker product, ``[Π n, r_t]``."""
        if isinstance(tree, int):
            return self.frames[tree]
        left, right = (self._expanded(child) for child in tree)
        return torch.einsum("ai,bj,ijt->abt", left, right, self.transfers[node(tree)]).flatten(0, 1)


def hierarchical_svd(spectra: Spectra, ranks: Ranks) -> HTucker:
    """Root to leaves: frames are singular vectors, ``B_t = (U_tl ⊗ U_tr)' U_t``.

    The squared error is at most the sum of the distinct cuts' squared tails, hence the error at
    most ``√(2d − 3)`` times the best at these ranks.

    Args:
        spectra: of the tensor.
        ranks: of every node, as :func:`clip` returns them.
    """
    cut = {at: vectors[:, : ranks[at]] for at, vectors in spectra.vectors.items()}
    left, right = (node(child) for child in spectra.tree)
    root = cut[left].T @ matricised(spectra.tensor, left) @ cut[right]
    transfers = {}
    for pair in parents(spectra.tree)[:-1]:
        one, other = (cut[node(child)] for child in pair)
        own = cut[node(pair)].reshape(len(one), len(other), -1)
        transfers[node(pair)] = torch.einsum("ai,bj,abt->ijt", one, other, own)
    frames = tuple(cut[mode,] for mode in node(spectra.tree))
    return HTucker(spectra.tree, frames, transfers, root)
