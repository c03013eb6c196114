//! Numbers, exactly: fractions of whole numbers. What does not fit is no number here, and so proves nothing.

use std::cmp::Ordering;

/// A fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::processors) struct Ratio {
    over: i128,
    /// Never less than one.
    under: i128,
}

impl Ratio {
    #[cfg(test)]
    pub(super) const ZERO: Self = Self { over: 0, under: 1 };
    pub(super) const HALF: Self = Self { over: 1, under: 2 };

    /// A whole number.
    pub(super) const fn whole(number: i128) -> Self {
        Self { over: number, under: 1 }
    }

    /// A fraction; `None` if it is divided by nothing or too large.
    pub(super) fn new(over: i128, under: i128) -> Option<Self> {
        if under == 0 || over == i128::MIN || under == i128::MIN {
            return None;
        }
        let shared = gcd(over.unsigned_abs(), under.unsigned_abs());
        let shared = i128::try_from(shared).ok()?.max(1) * under.signum();
        Some(Self { over: over / shared, under: under / shared })
    }

    /// Digits with at most one dot: `1200`, `3.50`.
    pub(super) fn decimal(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{part}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Self::new(digits.parse().ok()?, power_of_ten(part.len())?)
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let left = self.over.checked_mul(other.under)?;
        let right = other.over.checked_mul(self.under)?;
        Self::new(left.checked_add(right)?, self.under.checked_mul(other.under)?)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negative())
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        // Crosswise first, so that large numbers stay in reach.
        let (a, b) = (Self::new(self.over, other.under)?, Self::new(other.over, self.under)?);
        Self::new(a.over.checked_mul(b.over)?, a.under.checked_mul(b.under)?)
    }

    pub(super) fn divided_by(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.under, other.over)?)
    }

    pub(super) const fn negative(self) -> Self {
        Self { over: -self.over, under: self.under }
    }

    pub(super) fn magnitude(self) -> Self {
        Self { over: self.over.abs(), under: self.under }
    }

    pub(super) const fn is_negative(self) -> bool {
        self.over < 0
    }

    /// The whole number it is, if it is one.
    pub(super) fn as_whole(self) -> Option<i128> {
        (self.under == 1).then_some(self.over)
    }

    /// Which is larger; `None` if that cannot be told with the numbers we have.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.minus(other)?.over.cmp(&0))
    }

    /// Whether two numbers differ by no more than this.
    pub(super) fn is_near(self, other: Self, by: Self) -> bool {
        let apart = self.minus(other).and_then(|apart| apart.magnitude().compare(by));
        apart.is_some_and(Ordering::is_le)
    }
}

/// Ten times ten times ten.
pub(super) fn power_of_ten(times: usize) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(times).ok()?)
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Ratio {
        Ratio::decimal(text).unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(of("0.1").plus(of("0.2")), Some(of("0.3")));
        assert_eq!(of("1").divided_by(of("3")).and_then(|third| third.times(of("3"))), Some(of("1.0")));
        assert_eq!(of("1200000").divided_by(of("1000000")), Some(of("1.2")));
        assert!(of("3.14").is_near(of("3.1416"), of("0.005")) && !of("3.14").is_near(of("3.146"), of("0.005")));
    }

    #[test]
    fn what_cannot_be_said_is_nothing() {
        assert_eq!(of("1").divided_by(Ratio::ZERO), None);
        for odd in ["", ".", "1.2.3", "x", "-1", &"9".repeat(60), &format!("0.{}", "1".repeat(60))] {
            assert_eq!(Ratio::decimal(odd), None, "{odd}");
        }
        let large = of(&"9".repeat(38));
        assert_eq!(large.times(large), None);
        assert_eq!(large.plus(large).and_then(|sum| sum.plus(large)), None);
    }
}
