//! The known name that somebody probably meant.

/// Returns the known name nearest to `name`, if it is near: at most a third of its letters differ.
///
/// Case counts nothing, and two neighbouring letters swapped count one.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let allowed = (name.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|candidate| (distance(name, candidate), candidate));
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let letters = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (left, right) = (letters(left), letters(right));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let substituted = at(&above, column) + usize::from(letter != other);
            let inserted = at(&current, column) + 1;
            let deleted = at(&above, column + 1) + 1;
            let is_swap =
                row > 0 && column > 0 && left.get(row - 1) == Some(other) && right.get(column - 1) == Some(letter);
            let swapped = if is_swap { at(&before, column - 1) + 1 } else { usize::MAX };
            current.push(substituted.min(inserted).min(deleted).min(swapped));
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_name_is_suggested() {
        let known = ["signingAlgorithm", "encoding", "header", "tokenTTL", "id"];
        let check = |name, expected| assert_eq!(nearest(name, known), expected, "{name}");
        check("signingAlgoritm", Some("signingAlgorithm"));
        check("haeder", Some("header"));
        check("tokenttl", Some("tokenTTL"));
        check("headers", Some("header"));
        check("di", Some("id"));
        check("colour", None);
        check("", None);
    }

    #[test]
    fn distances_are_symmetric() {
        for (left, right, expected) in [("ab", "ba", 1), ("kitten", "sitting", 3), ("", "abc", 3), ("same", "SAME", 0)]
        {
            assert_eq!(distance(left, right), expected);
            assert_eq!(distance(right, left), expected);
        }
    }
}
