//! One entry of a search's answer, as it came: names, and values as bytes.

use ldap3::asn1::StructureTag;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its distinguished name, as the server spells it.
    pub(super) dn: String,
    /// Attribute descriptions with their values, in the server's order.
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Reads a `SearchResultEntry` (RFC 4511 §4.5.2). `None`: it is none.
    ///
    /// Our own, because the library's reader panics on what is no entry and loses the order of attributes.
    pub(super) fn read(tag: StructureTag) -> Option<Self> {
        let [dn, attributes] = <[StructureTag; 2]>::try_from(tag.match_id(4)?.expect_constructed()?).ok()?;
        let dn = String::from_utf8(dn.expect_primitive()?).ok()?;
        let attributes = attributes.expect_constructed()?.into_iter().map(attribute).collect::<Option<_>>()?;
        Some(Self { dn, attributes })
    }

    /// Returns the values of the attribute of that name; names are compared without regard to case (RFC 4512 §2.5).
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let matching = self.attributes.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        matching.flat_map(|(_, values)| values.iter().map(Vec::as_slice))
    }

    /// True when the server gave only a part of the attribute's values, as Active Directory does beyond 1 500.
    pub(super) fn is_partial(&self, name: &str) -> bool {
        let prefix = format!("{name};range=");
        let begins = |found: &str| found.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(&prefix));
        self.attributes.iter().any(|(found, _)| begins(found))
    }

    /// Returns how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let values = self.attributes.iter().flat_map(|(name, values)| {
            std::iter::once(name.len()).chain(values.iter().map(|value| value.len() + size_of::<Vec<u8>>()))
        });
        self.dn.len() + values.sum::<usize>()
    }
}

/// Reads a `PartialAttribute`.
fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let [name, values] = <[StructureTag; 2]>::try_from(tag.expect_constructed()?).ok()?;
    let name = String::from_utf8(name.expect_primitive()?).ok()?;
    let values = values.expect_constructed()?.into_iter().map(StructureTag::expect_primitive).collect::<Option<_>>()?;
    Some((name, values))
}
