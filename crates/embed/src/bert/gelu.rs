//! The bend between a network's layers: x times the share of a normal distribution that lies below x.

/// Beyond this the share is 0 or 1 as far as single precision tells.
const REACH: f32 = 6.0;
/// Steps of the table for each 1: an error of one millionth.
const STEPS: f32 = 512.0;

/// A table of the bend: a look into it is several times quicker than an exponential.
pub(crate) struct Gelu(Vec<f32>);

impl Gelu {
    /// Computes the table.
    pub(crate) fn new() -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is some thousands")]
        let steps = (2.0 * REACH * STEPS) as u16;
        let at = |step: u16| f64::from(step) / f64::from(STEPS) - f64::from(REACH);
        #[expect(clippy::cast_possible_truncation, reason = "single precision is all that is asked for")]
        let value = |step| (at(step) * below(at(step))) as f32;
        Self((0..=steps).map(value).collect())
    }

    /// The bend at this number.
    pub(crate) fn of(&self, value: f32) -> f32 {
        let place = (value + REACH) * STEPS;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "out of reach it becomes an end")]
        let step = place as usize;
        match (self.0.get(step), self.0.get(step + 1)) {
            (Some(low), Some(high)) if place >= 0.0 => low + (high - low) * place.fract(),
            _ if value > 0.0 => value,
            _ if value.is_nan() => value,
            _ => 0.0,
        }
    }
}

/// The share of a normal distribution below this number, by its series; exact to a millionth within the reach.
fn below(value: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (value, value, 1.0);
    while f64::abs(term) > 1e-17 {
        odd += 2.0;
        term *= value * value / odd;
        sum += term;
    }
    // Each term is the one before times x² / the next odd number; all have one sign, so nothing cancels.
    0.5 + sum * (-value * value / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_bend_and_its_ends() {
        let gelu = Gelu::new();
        for (value, wanted) in
            [(0.0, 0.0), (1.0, 0.841_344_7), (-1.0, -0.158_655_25), (0.3, 0.185_373_5), (2.5, 2.484_476)]
        {
            assert!((gelu.of(value) - wanted).abs() < 2e-6, "{value}: {} and not {wanted}", gelu.of(value));
        }
        assert!((gelu.of(40.0) - 40.0).abs() < 1e-6);
        assert!(gelu.of(-40.0).abs() < 1e-6);
        assert!(gelu.of(f32::NAN).is_nan());
    }
}
