//! A user's attributes as the cache keeps them: one text for the values, and what many users have in common kept once.
//!
//! A million users' attributes as [`Attributes`] take ten times the bytes of their values. Unpacking costs about a
//! microsecond, and only whoever makes a JWT asks.

use std::{fmt::Write, sync::Arc};

use claims::{Attribute, Attributes, Common, Json, Source, allocated};

/// Attributes, packed where they are plain.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// Texts, numbers and truth values: an array for each attribute, in JSON.
    Packed(Arc<Shape>, Box<str>),
    /// As they are: some have a structure of their own, as deep as JSON may be.
    Whole(Arc<Attributes>),
}

/// What is said of attributes besides their values: the same for many users whom a store was asked about at one time.
#[derive(Debug, PartialEq)]
pub(super) struct Shape(Box<[(Box<str>, Source, u64)]>);

/// The last shapes of one store's answers.
#[derive(Debug, Default)]
pub(super) struct Shapes(Common<Shape>);

impl Shapes {
    /// Packs attributes.
    pub(super) fn pack(&self, attributes: &Arc<Attributes>) -> Kept {
        let mut values = String::with_capacity(256);
        let mut separator = '[';
        for (_, attribute) in attributes.iter() {
            values.push(separator);
            if !write_plain(&attribute.values, &mut values) {
                return Kept::Whole(Arc::clone(attributes));
            }
            separator = ',';
        }
        if attributes.is_empty() {
            values.push(separator);
        }
        values.push(']');
        // To the byte: what was written with room to spare would keep it.
        Kept::Packed(self.shape(attributes), Box::from(&*values))
    }

    /// Returns the attributes' shape, from those that are remembered if it is one of them.
    fn shape(&self, attributes: &Attributes) -> Arc<Shape> {
        let one = |(name, attribute): (&str, &Attribute)| (name.into(), attribute.source.clone(), attribute.as_of);
        self.0.share(|shape| shape.is_of(attributes), || Arc::new(Shape(attributes.iter().map(one).collect())))
    }
}

impl Shape {
    fn is_of(&self, attributes: &Attributes) -> bool {
        let is_same = |((name, source, as_of), (other, attribute)): (&(Box<str>, Source, u64), (&str, &Attribute))| {
            **name == *other && *source == attribute.source && *as_of == attribute.as_of
        };
        self.0.len() == attributes.len() && self.0.iter().zip(attributes.iter()).all(is_same)
    }
}

impl Kept {
    /// Returns the attributes; `None` cannot be, and counts as nothing known.
    pub(super) fn unpacked(&self) -> Option<Arc<Attributes>> {
        let (shape, values) = match self {
            Self::Whole(attributes) => return Some(Arc::clone(attributes)),
            Self::Packed(shape, values) => (shape, values),
        };
        let Json::Array(values) = Json::parse(values.as_bytes()).ok()? else { return None };
        let one = |((name, source, as_of), values): (&(Box<str>, Source, u64), Json)| {
            let Json::Array(values) = values else { return None };
            Some((name.clone(), Attribute { values, source: source.clone(), as_of: *as_of }))
        };
        (values.len() == shape.0.len()).then_some(())?;
        shape.0.iter().zip(values).map(one).collect::<Option<Attributes>>().map(Arc::new)
    }

    /// Estimates the bytes on the heap that nobody shares.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Packed(_, values) => allocated(values.len()),
            Self::Whole(attributes) => 48 + attributes.weight(),
        }
    }
}

/// Writes values as a JSON array; false for one that has a structure.
fn write_plain(values: &[Json], text: &mut String) -> bool {
    let mut separator = '[';
    for value in values {
        match value {
            Json::Array(_) | Json::Object(_) => return false,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                text.push(separator);
                let _ = write!(text, "{value}");
            }
        }
        separator = ',';
    }
    if values.is_empty() {
        text.push(separator);
    }
    text.push(']');
    true
}

#[cfg(test)]
mod tests {
    use claims::{Number, Object};
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Json> {
        prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::from),
            Just(Json::Number(Number::parse("12345678901234567890123.450e-7").unwrap())),
            any::<String>().prop_map(Json::string),
            prop::collection::vec(any::<String>().prop_map(Json::string), 0..3).prop_map(Json::Array),
            Just(Json::Object(Object::default())),
        ]
    }

    fn any_attributes() -> impl Strategy<Value = Attributes> {
        let source = prop_oneof![Just(Source::Store("staff".into())), Just(Source::UserInfo("corp".into()))];
        let attribute = (prop::collection::vec(any_value(), 0..4), source, 0_u64..3);
        let attribute = attribute.prop_map(|(values, source, as_of)| Attribute { values, source, as_of });
        let named = ("[a-z]{0,3}", attribute).prop_map(|(name, attribute)| (Box::from(name), attribute));
        prop::collection::vec(named, 0..6).prop_map(Attributes::from_iter)
    }

    proptest! {
        #[test]
        fn whatever_is_packed_comes_out_as_it_was(all in prop::collection::vec(any_attributes(), 1..40)) {
            let shapes = Shapes::default();
            let all: Vec<_> = all.into_iter().map(Arc::new).collect();
            let kept: Vec<_> = all.iter().map(|attributes| shapes.pack(attributes)).collect();
            for (kept, attributes) in kept.iter().zip(&all) {
                let unpacked = kept.unpacked();
                prop_assert_eq!(unpacked.as_ref(), Some(attributes));
            }
        }
    }

    #[test]
    fn users_of_one_store_and_time_share_what_is_not_theirs() {
        let attributes = |email: &str, as_of| {
            let values = vec![Json::string(email)];
            let attribute = Attribute { values, source: Source::Store("staff".into()), as_of };
            Arc::new(Attributes::from_iter([(Box::from("email"), attribute)]))
        };
        let shapes = Shapes::default();
        let shape = |email, as_of| match shapes.pack(&attributes(email, as_of)) {
            Kept::Packed(shape, values) => (Arc::as_ptr(&shape), values),
            Kept::Whole(_) => panic!(),
        };
        let ((alices, values), (bobs, _), (later, _)) = (shape("a", 1), shape("b", 1), shape("a", 2));
        assert_eq!((&*values, alices == bobs, alices == later), (r#"[["a"]]"#, true, false));
    }
}
