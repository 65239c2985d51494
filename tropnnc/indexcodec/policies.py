"""Which positions a Bloom filter's values belong to: the policies of DeepReduce (relatives.md C2).

Both sides compute the same positions from the filter, n, r and a seed, so that values travel in
their order without keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError, check_choice
from tropnnc.indexcodec.bloom import BloomFilter, bit_places
from tropnnc.seeding import derive_rng
from tropnnc.unit import IntArray

Chosen = NDArray[np.bool_]


def all_members(bloom: BloomFilter, members: IntArray, count: int, seed: int) -> IntArray:
    """P0: every member, so that nothing of the set is lost and more values are sent."""
    del bloom, count, seed
    return members


def random_members(bloom: BloomFilter, members: IntArray, count: int, seed: int) -> IntArray:
    """P1: ``count`` members at random."""
    del bloom
    chosen = derive_rng(seed, "bloom p1").choice(len(members), count, replace=False)
    return members[np.sort(chosen)]


def by_conflicts(bloom: BloomFilter, members: IntArray, count: int, seed: int) -> IntArray:
    """P2: one member of every conflict set, the smallest sets first, until there are ``count``.

    The members that hit a set bit are its conflict set; where that is a single one, it is in the
    set for certain. A bit that a chosen member hits is explained, and asks for no other one until
    every bit is.
    """
    sets = _ConflictSets.of(bloom, members)
    chosen = sets.certain
    draws = derive_rng(seed, "bloom p2")
    sets.choose(chosen, count, draws, explained=False)
    while chosen.sum() < count:
        sets.choose(chosen, count, draws, explained=True)
    return members[chosen]


def certain_members(bloom: BloomFilter, members: IntArray) -> IntArray:
    """The members that are in the set for certain: some bit is hit by nothing else."""
    return members[_ConflictSets.of(bloom, members).certain]


def first_members(bloom: BloomFilter, members: IntArray, count: int, seed: int) -> IntArray:
    """Naive: the first ``count`` members.

    The sender who sends the values of the *set* has each of them shifted by every false positive
    before it: here to show that, never to be used.
    """
    del bloom, seed
    return members[:count]


Policy = Callable[[BloomFilter, IntArray, int, int], IntArray]
POLICIES: dict[str, Policy] = {
    "p0": all_members,
    "p1": random_members,
    "p2": by_conflicts,
    "naive": first_members,
}


def positions(bloom: BloomFilter, n: int, count: int, policy: str, seed: int) -> IntArray:
    """The positions out of 0 … n − 1 that values are sent for, ascending.

    Args:
        bloom: of the set.
        n: positions there are.
        count: of positions in the set, r.
        policy: ``p0`` (all members), ``p1`` and ``p2`` (r of them), or ``naive``.
        seed: of the draw: the number of the step, the same on both sides.

    Raises:
        TropnncError: the filter has fewer members than that: it is damaged.
    """
    check_choice("Bloom policy", policy, tuple(POLICIES))
    members = bloom.members(n)
    if len(members) < count:
        raise TropnncError(f"damaged Bloom filter: {len(members)} members of a set of {count}")
    return POLICIES[policy](bloom, members, count, seed)


@dataclass(frozen=True, eq=False)
class _ConflictSets:
    """Which members hit each bit.

    Attributes:
        members: how many there are.
        pairs: the members by bit, ascending, one set after another.
        starts: of each set.
        sizes: of each set.
    """

    members: int
    pairs: IntArray
    starts: IntArray
    sizes: IntArray

    @classmethod
    def of(cls, bloom: BloomFilter, members: IntArray) -> _ConflictSets:
        places = bit_places(members, len(bloom.bits), bloom.hashes)
        keys = np.unique(places * len(members) + np.arange(len(members))[:, None])
        bits, pairs = np.divmod(keys, max(len(members), 1))
        _, starts, sizes = np.unique(bits, return_index=True, return_counts=True)
        return cls(len(members), pairs, starts, sizes)

    @property
    def certain(self) -> Chosen:
        """Those alone in a set, [members]."""
        alone = np.zeros(self.members, dtype=np.bool_)
        alone[self.pairs[self.starts[self.sizes == 1]]] = True
        return alone

    def choose(
        self, chosen: Chosen, count: int, draws: np.random.Generator, *, explained: bool
    ) -> None:
        """Add a free member of every set, smallest first, to ``chosen`` until they are ``count``.

        Sets that have a chosen one are passed over unless ``explained`` ones count too.
        """
        taken, missing = chosen.tolist(), count - int(chosen.sum())
        for place in self._open(chosen, explained):
            among = self.pairs[self.starts[place] :][: self.sizes[place]].tolist()
            free = [member for member in among if not taken[member]]
            if missing and free and (explained or len(free) == len(among)):
                taken[free[int(draws.random() * len(free))]] = True
                missing -= 1
        chosen[:] = taken

    def _open(self, chosen: Chosen, explained: bool) -> IntArray:
        """The sets that may yet give a member, by size and then by bit."""
        if not len(self.starts):
            return self.starts
        hits = np.add.reduceat(chosen[self.pairs].astype(np.int64), self.starts)
        [places] = np.nonzero(hits < self.sizes if explained else hits == 0)
        return places[np.argsort(self.sizes[places], kind="stable")]
