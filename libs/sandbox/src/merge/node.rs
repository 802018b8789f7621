//! How a place in an object merges.

use schema::{ListType, Primitive, Shape, Type};
use serde_json::{Map, Value};

/// How a place in an object merges, from the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node {
    /// Owned and replaced as a whole: a scalar, an atomic list or map.
    Leaf,
    /// Fields of a named type.
    Struct(&'static Type),
    /// Any keys, values of one shape.
    Map(&'static Shape),
    /// Scalars, each there once.
    Set,
    /// Items told apart by keys.
    Keyed(&'static Shape, &'static [String]),
}

impl Node {
    /// The node of a type.
    pub(crate) fn of(ty: &'static Type) -> Self {
        if ty.atomic { Self::Leaf } else { Self::Struct(ty) }
    }

    fn of_shape(shape: &'static Shape) -> Self {
        if shape.atomic {
            return Self::Leaf;
        }
        if let Some(ty) = shape.target() {
            return Self::of(ty);
        }
        match (shape.primitive, shape.list) {
            (Some(Primitive::Map), _) => Self::Map(shape.values.as_deref().expect("a map has a shape of values")),
            (Some(Primitive::List), Some(ListType::Set)) => Self::Set,
            (Some(Primitive::List), Some(ListType::Map)) => {
                Self::Keyed(shape.items.as_deref().expect("a list has a shape of items"), &shape.keys)
            }
            _ => Self::Leaf,
        }
    }

    /// The node of a field; fields that the schema lacks are leaves.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Self::Struct(ty) => ty.fields.get(name).map_or(Self::Leaf, Self::of_shape),
            Self::Map(values) => Self::of_shape(values),
            _ => Self::Leaf,
        }
    }

    /// The node of a list's items.
    pub(crate) fn item(self) -> Self {
        match self {
            Self::Keyed(item, _) => Self::of_shape(item),
            _ => Self::Leaf,
        }
    }

    /// Whether the schema names that field, so that its holder need not be owned on its own.
    pub(crate) fn names(self, field: &str) -> bool {
        matches!(self, Self::Struct(ty) if ty.fields.contains_key(field))
    }

    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Set | Self::Keyed(..))
    }

    /// The path element of a list's item, as it stands in `fieldsV1`.
    pub(crate) fn element(self, item: &Value) -> Result<String, String> {
        match self {
            Self::Set if item.is_object() || item.is_array() || item.is_null() => {
                Err("associative list without keys has an element that's not a scalar".to_owned())
            }
            Self::Set => Ok(format!("v:{item}")),
            Self::Keyed(shape, keys) => keyed_element(shape, keys, item),
            _ => Err("invalid indexing of non-associative list".to_owned()),
        }
    }
}

fn keyed_element(shape: &'static Shape, keys: &'static [String], item: &Value) -> Result<String, String> {
    let Some(fields) = item.as_object() else {
        return Err("associative list with keys may not have non-map elements".to_owned());
    };
    let default = |key: &String| shape.target().and_then(|t| t.fields.get(key)).and_then(|f| f.default.as_ref());
    let mut found: Vec<(&String, &Value)> =
        keys.iter().filter_map(|key| Some((key, fields.get(key).or_else(|| default(key))?))).collect();
    if found.is_empty() {
        let keys = keys.iter().map(|k| format!("{k:?}")).collect::<Vec<_>>().join(" ");
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{keys}] \
             (and doesn't have default values for any key fields)"
        ));
    }
    found.sort_by_key(|(key, _)| *key);
    let map: Map<String, Value> = found.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    Ok(format!("k:{}", Value::Object(map)))
}

/// A path element as the API server's messages print it.
pub(crate) fn display(element: &str) -> String {
    let (kind, rest) = element.split_at(2.min(element.len()));
    match kind {
        "f:" => format!(".{rest}"),
        "v:" => format!("[={rest}]"),
        _ => {
            let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", keys.join(","))
        }
    }
}
