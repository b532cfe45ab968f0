//! `AddHeader`, `SetHeader` and `RemoveHeader`: what happens to the fields of a head.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Changes of fields, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderChanges(pub Box<[HeaderChange]>);

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderChange {
    /// One more field of this name.
    Add(HeaderName, HeaderValue),
    /// This field alone.
    Set(HeaderName, HeaderValue),
    /// No field of this name.
    Remove(HeaderName),
}

impl HeaderChanges {
    /// Makes the changes.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for change in &self.0 {
            match change {
                HeaderChange::Add(name, value) => {
                    headers.append(name, value.clone());
                }
                HeaderChange::Set(name, value) => {
                    headers.insert(name, value.clone());
                }
                HeaderChange::Remove(name) => {
                    headers.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_one_after_the_other() {
        let (name, other) = (HeaderName::from_static("x-a"), HeaderName::from_static("x-b"));
        let value = |text: &'static str| HeaderValue::from_static(text);
        let mut headers = HeaderMap::from_iter([(name.clone(), value("client's")), (other.clone(), value("b"))]);
        let check = |changes: &[HeaderChange], headers: &mut HeaderMap, expected: &[&str]| {
            HeaderChanges(changes.into()).apply(headers);
            assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), expected, "{changes:?}");
        };
        check(&[HeaderChange::Add(name.clone(), value("1"))], &mut headers, &["client's", "1"]);
        check(
            &[HeaderChange::Set(name.clone(), value("2")), HeaderChange::Add(name.clone(), value("3"))],
            &mut headers,
            &["2", "3"],
        );
        check(&[HeaderChange::Remove(name)], &mut headers, &[]);
        assert_eq!(headers[&other], "b");
    }
}
