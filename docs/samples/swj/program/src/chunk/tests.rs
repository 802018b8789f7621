use super::*;

#[test]
fn chunks_share_out_every_sample() {
    let plan = Plan { samples: 1_003, chunks: 10 };
    let shares: Vec<_> = (0..10).map(|c| plan.samples_of(c)).collect();
    assert_eq!(shares.iter().sum::<u64>(), 1_003);
    assert_eq!((shares[0], shares[9]), (101, 100));
}

#[test]
fn a_chunk_drawn_twice_gives_the_same_count_and_the_sum_is_near_pi() {
    let plan = Plan { samples: 200_000, chunks: 8 };
    let counts: Vec<_> = (0..8).map(|c| plan.draw(c)).collect();
    assert_eq!(plan.draw(3), counts[3]);
    assert!((estimate(&counts) - std::f64::consts::PI).abs() < 0.02);
}
