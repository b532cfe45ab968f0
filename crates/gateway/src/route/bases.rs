//! API bases of one host: the longest one that is a prefix of the path, in whole segments.

use std::{borrow::Cow, collections::HashMap};

use foldhash::fast::RandomState;

/// Where an API lives, and what replaces that part of the path towards its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The path, such as `/orders/1.0`; empty for the root.
    pub path: Box<str>,
    /// Written instead of it: empty for REST, `/{service}` for gRPC.
    pub replacement: Box<str>,
    /// Which API.
    pub api: usize,
}

impl Base {
    /// Returns what the API's operations are matched with: the rest of the path, for gRPC below its service.
    pub fn target<'p>(&self, rest: &'p str) -> Cow<'p, str> {
        if self.replacement.is_empty() {
            Cow::Borrowed(rest)
        } else {
            Cow::Owned(format!("{}{rest}", self.replacement))
        }
    }
}

/// Two APIs claim one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateBase {
    /// The API that has it.
    pub holder: usize,
    /// The API that wants it too.
    pub claimant: usize,
}

/// All bases of one host.
#[derive(Clone, Debug, Default)]
pub struct BaseTable {
    bases: HashMap<Box<str>, Base, RandomState>,
    /// The segment counts that occur, longest first.
    depths: Vec<usize>,
}

impl BaseTable {
    /// Adds a base.
    ///
    /// # Errors
    ///
    /// [`DuplicateBase`] when another API has the same one; nothing is changed.
    pub fn insert(&mut self, base: Base) -> Result<(), DuplicateBase> {
        if let Some(held) = self.bases.get(&base.path) {
            return Err(DuplicateBase { holder: held.api, claimant: base.api });
        }
        let depth = base.path.matches('/').count();
        if !self.depths.contains(&depth) {
            self.depths.push(depth);
            self.depths.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.bases.insert(base.path.clone(), base);
        Ok(())
    }

    /// Returns the longest base of `path`, and the rest of the path: empty, or from a slash on.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&Base, &'p str)> {
        self.depths.iter().find_map(|depth| {
            let end = prefix_end(path, *depth)?;
            let (prefix, rest) = path.split_at_checked(end)?;
            Some((self.bases.get(prefix)?, rest))
        })
    }
}

/// Returns where the first `depth` segments of `path` end; `None` when it has fewer.
fn prefix_end(path: &str, depth: usize) -> Option<usize> {
    if depth == 0 {
        return Some(0);
    }
    let mut slashes = 0;
    let next = path.bytes().position(|byte| {
        slashes += usize::from(byte == b'/');
        slashes > depth
    });
    next.or_else(|| (slashes == depth).then_some(path.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(paths: &[&str]) -> BaseTable {
        let mut table = BaseTable::default();
        for (api, path) in paths.iter().enumerate() {
            table.insert(Base { path: (*path).into(), replacement: "".into(), api }).unwrap();
        }
        table
    }

    fn check(table: &BaseTable, path: &str, expected: Option<(usize, &str)>) {
        assert_eq!(table.find(path).map(|(base, rest)| (base.api, rest)), expected, "{path}");
    }

    #[test]
    fn the_longest_base_wins_in_whole_segments() {
        let table = table(&["/orders", "/orders/1.0", "/a/b/c"]);
        check(&table, "/orders/1.0/x", Some((1, "/x")));
        check(&table, "/orders/1.0", Some((1, "")));
        check(&table, "/orders/1.0/", Some((1, "/")));
        check(&table, "/orders/1.01/x", Some((0, "/1.01/x")));
        check(&table, "/orders.json", None);
        check(&table, "/a/b", None);
        check(&table, "/a/b/c", Some((2, "")));
    }

    #[test]
    fn the_root_base_takes_what_no_other_has() {
        let table = table(&["", "/orders"]);
        check(&table, "/x/y", Some((0, "/x/y")));
        check(&table, "/orders/y", Some((1, "/y")));
    }

    #[test]
    fn one_base_belongs_to_one_api() {
        let mut table = table(&["/orders"]);
        let twice = table.insert(Base { path: "/orders".into(), replacement: "".into(), api: 7 });
        assert_eq!(twice, Err(DuplicateBase { holder: 0, claimant: 7 }));
    }
}
