//! Some hundred people and groups, made up anew in the same way each time: odd names, groups within groups, circles.

use std::collections::BTreeSet;

use ldap3::dn_escape;

use super::slapd::Ldif;

/// Names that are hard to write in a distinguished name; `#` becomes a number.
const ODD: [&str; 14] = [
    "Smith, John #",
    "O'Neil \"Bob\" #",
    "Łukasz Żółć #",
    "山田太郎 #",
    "a+b=c #",
    "#hash #",
    "back\\slash #",
    "<angle>; #",
    "😀 #",
    "(paren)* #",
    "cn=evil,ou=x #",
    "مرحبا #",
    "tab\there #",
    "plain #",
];

/// People, and groups with people and groups in them.
pub(crate) struct Population {
    pub(crate) people: Vec<Somebody>,
    groups: Vec<Group>,
}

/// What a directory calls things.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'s> {
    /// The class of people.
    pub(crate) person: &'s str,
    /// The attribute with their login.
    pub(crate) login: &'s str,
    /// An attribute with several values.
    pub(crate) numbers: &'s str,
    /// The class of groups.
    pub(crate) group: &'s str,
}

/// Somebody, by his place.
pub(crate) struct Somebody {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) numbers: Vec<String>,
}

struct Group {
    name: String,
    people: BTreeSet<usize>,
    groups: BTreeSet<usize>,
}

/// A sequence of numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn some(&mut self, most: usize, of: usize) -> BTreeSet<usize> {
        (0..self.below(most + 1)).map(|_| self.below(of)).collect()
    }
}

impl Population {
    /// Makes up so many people and groups.
    pub(crate) fn new(people: usize, groups: usize) -> Self {
        let mut dice = Dice(7);
        let name = |kind: &str, number: usize| {
            ODD[number % ODD.len()].replacen(" #", &format!(" {kind}{number}"), 1).trim().to_owned()
        };
        let somebody = |number: usize| Somebody {
            login: format!("login-{number}"),
            name: name("p", number),
            numbers: (0..number % 4).map(|extension| format!("+49 30 {number}-{extension}")).collect(),
        };
        let group = |number: usize| Group {
            name: name("g", number),
            people: dice.some(12, people).into_iter().chain([number % people]).collect(),
            groups: dice.some(3, groups).into_iter().filter(|other| *other != number).collect(),
        };
        Self { people: (0..people).map(somebody).collect(), groups: (0..groups).map(group).collect() }
    }

    /// Returns the names of the groups that somebody is in himself.
    pub(crate) fn direct_groups(&self, person: usize) -> BTreeSet<&str> {
        let his = self.groups.iter().filter(|group| group.people.contains(&person));
        his.map(|group| group.name.as_str()).collect()
    }

    /// Returns the names of the groups that somebody is in, and of those that these are in, and so on.
    pub(crate) fn all_groups(&self, person: usize) -> BTreeSet<&str> {
        let all = || self.groups.iter().enumerate();
        let mut found: BTreeSet<usize> =
            all().filter(|(_, group)| group.people.contains(&person)).map(|(number, _)| number).collect();
        loop {
            let above = all().filter(|(_, group)| !group.groups.is_disjoint(&found)).map(|(number, _)| number);
            let more: BTreeSet<usize> = above.chain(found.iter().copied()).collect();
            if more.len() == found.len() {
                return found.into_iter().map(|number| self.groups[number].name.as_str()).collect();
            }
            found = more;
        }
    }

    /// Writes the people below `unit`.
    pub(crate) fn write_people(&self, unit: &str, ldif: &mut Ldif, schema: Schema<'_>) {
        for person in &self.people {
            let mut attributes: Vec<(&str, &[u8])> = vec![("sn", b"x"), (schema.login, person.login.as_bytes())];
            attributes.push(("objectClass", schema.person.as_bytes()));
            attributes.extend(person.numbers.iter().map(|number| (schema.numbers, number.as_bytes())));
            ldif.entry(&dn(&person.name, unit), &attributes);
        }
    }

    /// Writes the groups below `unit`, whose people are below `people`. A second pass puts groups into groups, as Active
    /// Directory wants members to be there already.
    pub(crate) fn write_groups(&self, unit: &str, people: &str, ldif: &mut Ldif, schema: Schema<'_>) {
        for group in &self.groups {
            let members: Vec<String> =
                group.people.iter().map(|person| dn(&self.people[*person].name, people)).collect();
            let mut attributes: Vec<(&str, &[u8])> = vec![("objectClass", schema.group.as_bytes())];
            attributes.extend(members.iter().map(|member| ("member", member.as_bytes())));
            ldif.entry(&dn(&group.name, unit), &attributes);
        }
        for group in self.groups.iter().filter(|group| !group.groups.is_empty()) {
            let members: Vec<String> = group.groups.iter().map(|other| dn(&self.groups[*other].name, unit)).collect();
            let mut changes: Vec<(&str, &[u8])> = vec![("changetype", b"modify"), ("add", b"member")];
            changes.extend(members.iter().map(|member| ("member", member.as_bytes())));
            ldif.entry(&dn(&group.name, unit), &changes);
        }
    }
}

fn dn(name: &str, unit: &str) -> String {
    format!("cn={},{unit}", dn_escape(name))
}
