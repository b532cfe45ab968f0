use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: Result<&str, JsonError>) {
    let actual = Json::parse(text.as_bytes()).map(|json| json.to_string());
    assert_eq!(actual, expected.map(str::to_owned), "{text}");
}

#[test]
fn what_is_read_is_written_compactly() {
    check(
        " { \"a\" : [ 1 , true , null ] , \"b\" : { } , \"c\" : [ ] } \n",
        Ok(r#"{"a":[1,true,null],"b":{},"c":[]}"#),
    );
    check("\"\"", Ok("\"\""));
}

#[test]
fn numbers_keep_their_digits() {
    for number in ["0", "-0", "1.0", "1e400", "12345678901234567890123", "0.10", "-1.5E+07", "1E-9"] {
        check(number, Ok(number));
    }
}

#[test]
fn what_is_no_json_number_is_refused() {
    for text in ["01", "+1", ".5", "1.", "1e", "1e+", "-", "NaN", "Infinity", "0x10", "1_000", "١"] {
        assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        assert!(Number::parse(text).is_err(), "{text}");
    }
}

#[test]
fn escapes_are_minimal() {
    check(r#""\u0041\/\u00e9\ud83d\ude00""#, Ok("\"A/é😀\""));
    check(r#""\"\\\b\f\n\r\t\u0000\u001F\u007f""#, Ok("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\""));
}

#[test]
fn duplicate_members_are_refused_after_unescaping() {
    check(r#"{"a":1,"b":2,"a":3}"#, Err(JsonError::Duplicate(19)));
    check(r#"{"sub":1,"\u0073ub":2}"#, Err(JsonError::Duplicate(22)));
    check(r#"{"a":{"a":1}}"#, Ok(r#"{"a":{"a":1}}"#));
}

#[test]
fn duplicate_among_many_members_is_found_quickly() {
    let member = |position: usize| format!("\"name{position}\":0,");
    let text = format!("{{{}\"name7\":1}}", (0..100_000).map(member).collect::<String>());
    check(&text, Err(JsonError::Duplicate(text.len())));
}

#[test]
fn lone_surrogates_are_refused() {
    for text in
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#, r#""\ud800x""#, r#""\udc00\ud800""#, r#""\ud800\n""#]
    {
        assert!(matches!(Json::parse(text.as_bytes()), Err(JsonError::Malformed(_))), "{text}");
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::parse(nested(Json::MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(Json::parse(nested(Json::MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep(Json::MAX_DEPTH)));
    assert_eq!(Json::parse("[".repeat(1_000_000).as_bytes()), Err(JsonError::TooDeep(Json::MAX_DEPTH)));
}

#[test]
fn what_is_no_json_text_is_refused() {
    for text in [
        "",
        " ",
        "\u{feff}1",
        "1 2",
        "{} x",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x41\"",
        "\"\\u00g0\"",
        "tru",
        "True",
        "nul",
        "[1 2]",
        "{\"a\" 1}",
        "{1:1}",
        "// x\n1",
        "\u{a0}1",
        "\"\\",
    ] {
        assert!(matches!(Json::parse(text.as_bytes()), Err(JsonError::Malformed(_))), "{text}");
    }
}

#[test]
fn what_is_no_utf8_is_refused() {
    for bytes in [&b"\"\xff\""[..], b"\"\xc0\xaf\"", b"\"\xed\xa0\x80\"", b"1\x00", b"\xff\xfe1\x00"] {
        assert!(matches!(Json::parse(bytes), Err(JsonError::Malformed(_))), "{bytes:?}");
    }
}

#[test]
fn integers_are_read_without_a_float() {
    let number = |text: &str| Number::parse(text).unwrap();
    assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(number("18446744073709551616").as_u64(), None);
    assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
    assert_eq!(number("1.0").as_u64(), None);
    assert_eq!(number("1e3").as_i64(), None);
    assert!(number("-12").is_integer());
    assert!(!number("1E3").is_integer());
}

#[test]
fn numeric_dates_are_rounded_exactly() {
    let check = |text: &str, floor: Option<u64>, ceil: Option<u64>| {
        let number = Number::parse(text).unwrap();
        assert_eq!((number.floor(), number.ceil()), (floor, ceil), "{text}");
    };
    check("1700000000", Some(1_700_000_000), Some(1_700_000_000));
    check("1700000000.0", Some(1_700_000_000), Some(1_700_000_000));
    check("1700000000.25", Some(1_700_000_000), Some(1_700_000_001));
    check("1.7e9", Some(1_700_000_000), Some(1_700_000_000));
    check("17000000005E-1", Some(1_700_000_000), Some(1_700_000_001));
    check("18446744073709551615.5", Some(u64::MAX), None);
    check("1e400", None, None);
    check("1e-400", Some(0), Some(1));
    check("0.000e99999999999999999999", Some(0), Some(0));
    check("1e99999999999999999999", None, None);
    check("1e-99999999999999999999", Some(0), Some(1));
    check("0.001e3", Some(1), Some(1));
    check("-0.0", Some(0), Some(0));
    check("-1", None, None);
}

#[test]
fn inserting_replaces_in_place() {
    let mut object = Object::default();
    for (name, value) in [("a", 1_u64), ("b", 2), ("a", 3)] {
        object.insert(name, value.into());
    }
    assert_eq!(Json::from(object.clone()).to_string(), r#"{"a":3,"b":2}"#);
    assert_eq!(object.remove("a"), Some(Json::from(3_u64)));
    assert_eq!(object.remove("a"), None);
}

/// Compares integers exactly, and floats as nearly as serde reads them by default.
fn is_same_number(ours: &Number, serdes: &serde_json::Number) -> bool {
    match (serdes.as_i64(), serdes.as_u64()) {
        (None, None) => {
            let (ours, serdes) = (ours.text().parse::<f64>().unwrap(), serdes.as_f64().unwrap());
            (ours - serdes).abs() <= serdes.abs() * 1e-15
        }
        (signed, unsigned) => (ours.as_i64(), ours.as_u64()) == (signed, unsigned),
    }
}

/// Compares values, member order aside.
fn is_same(ours: &Json, serdes: &serde_json::Value) -> bool {
    match (ours, serdes) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(ours), serde_json::Value::Bool(serdes)) => ours == serdes,
        (Json::Number(ours), serde_json::Value::Number(serdes)) => is_same_number(ours, serdes),
        (Json::String(ours), serde_json::Value::String(serdes)) => **ours == **serdes,
        (Json::Array(ours), serde_json::Value::Array(serdes)) => {
            ours.len() == serdes.len() && ours.iter().zip(serdes).all(|(ours, serdes)| is_same(ours, serdes))
        }
        (Json::Object(ours), serde_json::Value::Object(serdes)) => {
            ours.len() == serdes.len()
                && ours.iter().all(|(name, ours)| serdes.get(name).is_some_and(|serdes| is_same(ours, serdes)))
        }
        _ => false,
    }
}

fn any_serde_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e9..1e9_f64).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_json_text_is_read_as_serde_reads_it(value in any_serde_json(), is_pretty: bool) {
        let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let ours = Json::parse(text.as_bytes()).unwrap();
        prop_assert!(is_same(&ours, &value), "{text}");
        let written = ours.to_string();
        prop_assert!(is_same(&ours, &serde_json::from_str(&written).unwrap()), "{written}");
        prop_assert_eq!(Json::parse(written.as_bytes()), Ok(ours));
    }

    #[test]
    fn broken_texts_are_refused_exactly_where_serde_refuses(
        value in any_serde_json(),
        position: prop::sample::Index,
        replacement in r#"[\[\]{}:,"\\\\/ua-f0-9.eE+\- \n\PC]{0,3}"#,
    ) {
        let mut characters: Vec<char> = value.to_string().chars().collect();
        let position = position.index(characters.len());
        characters.splice(position..=position, replacement.chars());
        let text: String = characters.into_iter().collect();
        let ours = Json::parse(text.as_bytes());
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(serdes) => match ours {
                Ok(ours) => prop_assert!(is_same(&ours, &serdes), "{text}"),
                Err(error) => prop_assert!(matches!(error, JsonError::Duplicate(_)), "{text}: {error}"),
            },
            // Numbers beyond a float's range are legal JSON that serde cannot hold.
            Err(error) if error.to_string().starts_with("number out of range") => {}
            Err(error) => prop_assert!(ours.is_err(), "{text}: {error}"),
        }
    }

    #[test]
    fn no_input_panics(bytes: Vec<u8>, text: String) {
        let _ = Json::parse(&bytes).map(|json| json.weight());
        let _ = Number::parse(&text).map(|number| (number.floor(), number.ceil()));
    }

    #[test]
    fn rounding_agrees_with_wide_integers(digits in 0_u64..10_000_000_000_000, scale in 0_u32..13) {
        let divisor = 10_u64.pow(scale);
        let width = scale as usize + 1;
        let padded = format!("{digits:0>width$}");
        let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
        for text in [format!("{digits}e-{scale}"), format!("{whole}.{fraction}0")] {
            let number = Number::parse(&text).unwrap();
            prop_assert_eq!(number.floor(), Some(digits / divisor), "{}", text);
            prop_assert_eq!(number.ceil(), Some(digits.div_ceil(divisor)), "{}", text);
        }
    }
}

proptest! {
    #[test]
    fn every_text_is_written_so_that_it_is_read_again(text in "[ -~\u{0}-\u{1f}\"\\\\é€]{0,40}") {
        let json = Json::string(text.as_str());
        prop_assert_eq!(Json::parse(json.to_string().as_bytes()), Ok(json.clone()));
        prop_assert_eq!(serde_json::from_str::<String>(&json.to_string()).ok(), Some(text));
    }
}

proptest! {
    #[test]
    fn a_packed_object_opens_as_it_was(names in prop::collection::vec(any::<String>(), 0..5), other: String) {
        let mut object = Object::default();
        for name in &names {
            object.insert(name.as_str(), Json::string(format!("{name}é\"")));
        }
        object.insert("nested", Json::Array(vec![Json::string(other), Json::from(7_u64)]));
        prop_assert_eq!(&PackedObject::from(&object).open(), &object);
    }
}
