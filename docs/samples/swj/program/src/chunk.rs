//! The work itself: random points in the unit square, and how many of them lie in the quarter circle.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What `split` decided, so that all roles agree on it whatever their own settings say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Random points in all.
    pub samples: u64,
    /// Pieces.
    pub chunks: u32,
}

/// The result of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Points drawn.
    pub samples: u64,
    /// Points in the quarter circle.
    pub inside: u64,
}

impl Plan {
    /// Points of one chunk; the first chunks take the remainder.
    pub fn samples_of(&self, chunk: u32) -> u64 {
        let chunks = u64::from(self.chunks);
        self.samples / chunks + u64::from(u64::from(chunk) < self.samples % chunks)
    }

    /// Draws the points of one chunk. The chunk's number is the seed, so a repetition gives the same count.
    pub fn draw(&self, chunk: u32) -> Count {
        let mut random = StdRng::seed_from_u64(chunk.into());
        let samples = self.samples_of(chunk);
        let mut inside = || {
            let (x, y): (f64, f64) = (random.random(), random.random());
            u64::from(x * x + y * y <= 1.0)
        };
        Count { samples, inside: (0..samples).map(|_| inside()).sum() }
    }
}

/// The estimate of π that the counts give.
pub fn estimate(counts: &[Count]) -> f64 {
    let samples: u64 = counts.iter().map(|c| c.samples).sum();
    let inside: u64 = counts.iter().map(|c| c.inside).sum();
    4.0 * inside as f64 / samples as f64
}
