//! Student's t distribution, in the finite form that it has for whole degrees of freedom (Abramowitz and Stegun, 26.7.3
//! and 26.7.4).

/// With more degrees of freedom than that, the distribution is as good as normal.
const MOST: u32 = 400;

/// The probability that |t| is at least this large by chance.
pub(super) fn probability(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom < 1.0 {
        return 1.0;
    }
    let (t, n) = (t.abs(), whole(freedom));
    let angle = (t / f64::from(n).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let mut term = if n.is_multiple_of(2) { 1.0 } else { cosine };
    let mut sum = if n == 1 { 0.0 } else { term };
    let mut k = if n.is_multiple_of(2) { 2 } else { 3 };
    while k <= n.saturating_sub(2) {
        term *= cosine * cosine * f64::from(k - 1) / f64::from(k);
        sum += term;
        k += 2;
    }
    let within = if n.is_multiple_of(2) {
        sine * sum
    } else {
        std::f64::consts::FRAC_2_PI * sine.mul_add(sum, angle)
    };
    (1.0 - within).clamp(0.0, 1.0)
}

/// The t that is exceeded, to either side, with this probability.
pub(super) fn quantile(probability_beyond: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while probability(high, freedom) > probability_beyond && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if probability(middle, freedom) > probability_beyond {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Fewer degrees of freedom claim less: a part of one is dropped.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and MOST")]
fn whole(freedom: f64) -> u32 {
    freedom.floor().clamp(1.0, f64::from(MOST)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tables of textbooks.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (beyond, freedom, t) in [
            (0.05, 1.0, 12.706),
            (0.05, 2.0, 4.303),
            (0.05, 3.0, 3.182),
            (0.05, 4.0, 2.776),
            (0.05, 5.0, 2.571),
            (0.05, 8.0, 2.306),
            (0.05, 30.0, 2.042),
            (0.05, 1e9, 1.96),
            (0.01, 4.0, 4.604),
            (0.001, 9.0, 4.781),
            (0.001, 8.9, 5.041),
        ] {
            let found = quantile(beyond, freedom);
            assert!((found - t).abs() < 0.006, "{beyond}, {freedom}: {found} is not {t}");
        }
    }

    #[test]
    fn what_is_no_number_is_no_evidence() {
        assert!((probability(f64::NAN, 4.0) - 1.0).abs() < 1e-12);
        assert!((probability(3.0, 0.0) - 1.0).abs() < 1e-12);
        assert!(probability(f64::INFINITY, 4.0) < 1e-12);
        assert!((probability(0.0, 4.0) - 1.0).abs() < 1e-12);
    }
}
