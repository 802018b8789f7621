//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): eight lines that no other
//! crate's next version changes.

/// What each weight is a whole part of: it divides by every number up to 16.
const WEIGHT: u64 = 720_720 * 64;

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is above 0: the upper half of a product, so no division and hardly a bias.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of 128 bits")
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// A position below `count`: the second is half as likely as the first, the third a third, and so on.
    pub(super) fn popular_index(&mut self, count: usize) -> usize {
        let weight = |i: usize| WEIGHT / (i as u64 + 1);
        let mut drawn = self.below((0..count).map(weight).sum::<u64>().max(1));
        for i in 0..count {
            if drawn < weight(i) {
                return i;
            }
            drawn -= weight(i);
        }
        0
    }

    /// One of a list that is not empty.
    pub(super) fn popular<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.popular_index(list.len());
        list.get(index).expect("the list is not empty")
    }
}
