//! What a plain scalar means to kubectl 1.35: the rules of `go.yaml.in/yaml/v2` 2.4.3
//! (`resolve.go`) and of `sigs.k8s.io/yaml` 1.6.0, which turns its values into JSON.
//!
//! They are YAML 1.1's in part (`0644` is 420, `y` is true) and neither 1.1's nor 1.2's in
//! the rest (base 60 is text, `0o644` is 420). `goyaml.jsonl` holds what that code itself
//! answered; the tests compare.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Number;

use crate::node::Data;

/// A tag of YAML's core schema, or the absence of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// No tag: a plain scalar is resolved, a quoted one is text.
    None,
    /// `!!str`, or the non-specific `!`.
    Str,
    /// `!!int`.
    Int,
    /// `!!float`.
    Float,
    /// `!!bool`.
    Bool,
    /// `!!null`.
    Null,
    /// `!!binary`: base64 of text.
    Binary,
    /// `!!timestamp`: stays text.
    Timestamp,
    /// `!!merge`, `!!map`, `!!seq`: say nothing of a scalar.
    Other,
}

impl Tag {
    /// The tag of that name after `tag:yaml.org,2002:`; `None` for an unknown one.
    pub fn of(core: &str) -> Option<Self> {
        Some(match core {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "null" => Self::Null,
            "binary" => Self::Binary,
            "timestamp" => Self::Timestamp,
            "merge" | "map" | "seq" => Self::Other,
            _ => return None,
        })
    }
}

/// The value of a scalar; an error says what it cannot be, without repeating it.
pub fn resolve(tag: Tag, text: &str, plain: bool) -> Result<Data, &'static str> {
    let owned = || Data::String(text.to_owned());
    match tag {
        Tag::None if plain => guess(text),
        Tag::None | Tag::Str | Tag::Other => Ok(owned()),
        Tag::Timestamp if looks_like_date(text) => Ok(owned()),
        Tag::Timestamp => Err("is tagged !!timestamp but is no date; remove the tag"),
        Tag::Binary => binary(text),
        Tag::Int | Tag::Float | Tag::Bool | Tag::Null => agree(tag, guess(text)?),
    }
}

fn agree(tag: Tag, value: Data) -> Result<Data, &'static str> {
    match (tag, &value) {
        (Tag::Int, Data::Number(n)) if !n.is_f64() => Ok(value),
        (Tag::Float, Data::Number(_)) | (Tag::Bool, Data::Bool(_)) | (Tag::Null, Data::Null) => Ok(value),
        (Tag::Int, _) => Err("is tagged !!int but is no whole number; remove the tag"),
        (Tag::Float, _) => Err("is tagged !!float but is no number; remove the tag"),
        (Tag::Bool, _) => Err("is tagged !!bool but is no boolean; remove the tag"),
        _ => Err("is tagged !!null but is not null; remove the tag"),
    }
}

fn binary(text: &str) -> Result<Data, &'static str> {
    let compact = text.split_ascii_whitespace().collect::<String>();
    let bytes = STANDARD.decode(compact).map_err(|_| "is tagged !!binary but is not base64")?;
    String::from_utf8(bytes).map(Data::String).map_err(
        |_| "is tagged !!binary and is not UTF-8 text; remove the tag and leave the base64 in `data` or `binaryData`",
    )
}

fn guess(text: &str) -> Result<Data, &'static str> {
    let first = text.as_bytes().first().copied();
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Data::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Data::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Err("is an infinite number or none, which JSON cannot hold; put it in quotes"),
        _ => match first {
            // Only here Go sees the underscores, and is strict about them.
            Some(b'.') if !text.contains("._") && !text.contains("__") && !text.ends_with('_') => float(text),
            Some(b'0'..=b'9' | b'+' | b'-') => number(text),
            _ => None,
        }
        .map_or_else(|| Data::String(text.to_owned()), Data::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    if looks_like_date(text) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// Go's `strconv.ParseInt` and then `ParseUint` with base 0.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(two) if two.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(size).map(Number::from);
    }
    // ParseUint takes no sign.
    (i64::try_from(size).is_ok() || !text.starts_with('+')).then(|| Number::from(size))
}

/// Go's `strconv.ParseFloat` where goyaml's pattern of a float matches; a whole number that
/// fits is one in JSON too, as Go writes `1e3` as `1000`.
fn float(text: &str) -> Option<Number> {
    let text = text.replace('_', "");
    if !is_float(&text) {
        return None;
    }
    let value = text.parse::<f64>().ok().filter(|v| v.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    if value.fract() == 0.0 && value.abs() < 9.0e18 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['-', '+']).unwrap_or(e))),
        None => (text, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let whole = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    whole && exponent.is_none_or(digits)
}

/// `2001-1-1…`: goyaml tries a timestamp before a number.
fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[4] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

/// The text of a key: `sigs.k8s.io/yaml` turns numbers and booleans into text.
pub fn key(tag: Tag, text: &str, plain: bool) -> Result<String, &'static str> {
    match resolve(tag, text, plain)? {
        Data::String(text) => Ok(text),
        Data::Bool(b) => Ok(b.to_string()),
        Data::Number(_) => {
            number_key(&text.replace('_', "")).ok_or("is a number too large for a key; put it in quotes")
        }
        _ => Err("is null, which cannot be a key; put it in quotes"),
    }
}

fn number_key(text: &str) -> Option<String> {
    match integer(text) {
        Some(whole) => whole.as_i64().map(|n| n.to_string()),
        None => text.parse().ok().map(short_float),
    }
}

/// Go's `FormatFloat(v, 'g', -1, 32)`.
#[expect(clippy::cast_possible_truncation, reason = "sigs.k8s.io/yaml writes keys with the precision of a float32")]
fn short_float(value: f64) -> String {
    let short = value as f32;
    if short.is_infinite() {
        return if short > 0.0 { ".inf".into() } else { "-.inf".into() };
    }
    let scientific = format!("{short:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust writes an exponent with {:e}");
    let exponent = exponent.parse::<i32>().expect("Rust writes a whole exponent");
    if (-4..6).contains(&exponent) {
        return short.to_string();
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
