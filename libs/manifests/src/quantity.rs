//! Kubernetes' quantities: `100m`, `1.5Gi`, `2e3`.

use std::cmp::Ordering;

/// A quantity in thousandths of a millionth of its unit (nano), the smallest that Kubernetes keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// The bound of an exponent: Kubernetes caps a quantity at 2^63 - 1.
const EXPONENTS: std::ops::RangeInclusive<i32> = -40..=40;

impl Quantity {
    /// Reads a quantity; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
            return None;
        }
        let (factor, exponent) = scale(suffix)?;
        let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let value = shift(digits.checked_mul(factor)?, exponent + 9 - places);
        Some(Self(if negative { -value } else { value }))
    }

    /// Whether it is less than zero.
    pub fn is_negative(self) -> bool {
        self.0.cmp(&0) == Ordering::Less
    }

    /// Whether it is a whole number of its unit.
    pub fn is_whole(self) -> bool {
        self.0 % 1_000_000_000 == 0
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A suffix as a factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1i128 << (10 * power), 0));
    match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            EXPONENTS.contains(&exponent).then_some((1, exponent))
        }
    }
}

/// Times a power of ten; capped, and rounded up below a nano as Kubernetes does.
fn shift(value: i128, power: i32) -> i128 {
    let ten = |n: u32| 10i128.checked_pow(n);
    match ten(power.unsigned_abs()) {
        Some(factor) if power >= 0 => value.saturating_mul(factor),
        Some(factor) => value / factor + i128::from(value % factor != 0),
        None if power >= 0 && value != 0 => i128::MAX,
        None => i128::from(value != 0),
    }
}

#[cfg(test)]
mod tests;
