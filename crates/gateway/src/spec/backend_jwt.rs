//! The parameters of a Backend JWT policy, as written: in an API definition or in the operator's defaults.

use claims::{Algorithm, Anonymous, AttributeFailure, CustomClaimType, Encoding, TokenId, UnknownUser};
use serde_json::json;

use crate::{
    bind::{
        Binder, CompositeShape, Entries, Form, Literal, Mistake, OneOrMany, RecordShape, ScalarShape, Shape, Type,
        Value, WordOrList, bind, bind_word_or_list, describe_word_or_list,
    },
    span::{Span, Spanned},
    units::{Bytes, Lifetime},
    user_lookup::StoreMerge,
    yaml::{Node, NodeKind, Style},
};

/// Every parameter; an absent one comes from the gateway's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwtParameters {
    /// Where the parameters stand; where the policy stands when there are none.
    pub span: Span,
    /// `encoding`
    pub encoding: Option<Spanned<Encoding>>,
    /// `signingAlgorithm`
    pub signing_algorithm: Option<Spanned<Algorithm>>,
    /// `header`
    pub header: Option<Spanned<String>>,
    /// `scheme`
    pub scheme: Option<Spanned<String>>,
    /// `tokenTTL`
    pub token_ttl: Option<Spanned<TokenTtl>>,
    /// `capToInboundToken`
    pub cap_to_inbound_token: Option<Spanned<bool>>,
    /// `audience`: `[]` is no audience.
    pub audience: Option<Spanned<Vec<Spanned<String>>>>,
    /// `dialect`: a name or a URI.
    pub dialect: Option<Spanned<String>>,
    /// `claims`
    pub claims: Option<Spanned<ClaimsSelection>>,
    /// `tokenClaims`
    pub token_claims: Option<Spanned<TokenClaimsSelection>>,
    /// `excludedClaims`
    pub excluded_claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `claimMappings`: claim to attribute, in file order.
    pub claim_mappings: Option<Spanned<Entries<Spanned<String>>>>,
    /// `customClaims`
    pub custom_claims: Option<Spanned<Vec<CustomClaim>>>,
    /// `userStore`
    pub user_store: Option<Spanned<UserStoreSelection>>,
    /// `userStoreMerge`
    pub user_store_merge: Option<Spanned<StoreMerge>>,
    /// `onAttributeFailure`
    pub on_attribute_failure: Option<Spanned<AttributeFailure>>,
    /// `onUnknownUser`
    pub on_unknown_user: Option<Spanned<UnknownUser>>,
    /// `anonymous`
    pub anonymous: Option<Spanned<Anonymous>>,
    /// `maxHeaderBytes`
    pub max_header_bytes: Option<Spanned<Bytes>>,
    /// `onOversize`
    pub on_oversize: Option<Spanned<OnOversize>>,
    /// `dropOrder`
    pub drop_order: Option<Spanned<Vec<Spanned<String>>>>,
    /// `tokenId`
    pub token_id: Option<Spanned<TokenId>>,
    /// `enabled`
    pub enabled: Option<Spanned<bool>>,
}

/// A policy's `tokenTTL`: 1 to 86 400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenTtl(pub u64);

/// `claims`
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimsSelection {
    /// `all` that the dialect maps.
    All,
    /// Only these.
    Only(Vec<AttributeSelection>),
}

/// One entry of `claims`: a name, or `{attribute, keep}`.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeSelection {
    /// `attribute`
    pub attribute: Spanned<String>,
    /// `keep`: patterns of the values to send; empty: all.
    pub keep: Vec<Spanned<String>>,
}

/// `tokenClaims`
#[derive(Clone, Debug, PartialEq)]
pub enum TokenClaimsSelection {
    /// `all`
    All,
    /// Only these.
    Only(Vec<Spanned<String>>),
}

/// `userStore`
#[derive(Clone, Debug, PartialEq)]
pub enum UserStoreSelection {
    /// `none`: no look-up.
    None,
    /// These, in order.
    Chain(Vec<Spanned<String>>),
}

/// One entry of `customClaims`.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomClaim {
    /// `claim`
    pub claim: Spanned<String>,
    /// `value`: text with placeholders, as written.
    pub value: Spanned<Literal>,
    /// `type`
    pub claim_type: Spanned<CustomClaimType>,
    /// `required`: an absent value is 403.
    pub required: Spanned<bool>,
}

/// `onOversize`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnOversize {
    /// `reject`
    Reject,
    /// `drop`, as `dropOrder` says.
    Drop,
}

impl Value for BackendJwtParameters {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "BackendJwtParameters",
        about: "The parameters of a Backend JWT policy; one that is left out comes from the gateway's defaults.",
        short: None,
        read: |form| Self::read(form),
    });
}

impl BackendJwtParameters {
    fn read(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            encoding: form.inherited("encoding", "Base64url", "How the JWT's three parts are written; any case."),
            signing_algorithm: form.inherited(
                "signingAlgorithm",
                "ES256",
                "What it is signed with: JOSE or Java name.",
            ),
            header: form.inherited("header", "X-JWT-Assertion", "The header that carries it."),
            scheme: form.optional("scheme", "A word before it, such as `Bearer`."),
            token_ttl: form.inherited("tokenTTL", "3600", "Its life in seconds."),
            cap_to_inbound_token: form.inherited("capToInboundToken", "true", "It never outlives the caller's token."),
            audience: read_audience(form),
            dialect: form.inherited("dialect", "wso2", "The vocabulary of its claims: a name or a URI."),
            claims: form.inherited(
                "claims",
                "all",
                "The attributes that are sent: `all` that the dialect maps, or a list.",
            ),
            token_claims: form.inherited(
                "tokenClaims",
                "[scope]",
                "The claims of the caller's token that are passed on.",
            ),
            excluded_claims: form.inherited("excludedClaims", "[]", "Taken out of `tokenClaims`."),
            claim_mappings: form.inherited("claimMappings", "{}", "Claim and attribute, on top of the dialect."),
            custom_claims: form.inherited("customClaims", "[]", "Further claims."),
            user_store: form
                .optional("userStore", "A user store, a list of them, or `none`; without it, the issuer's first."),
            user_store_merge: form.inherited(
                "userStoreMerge",
                "firstStore",
                "With several user stores: the first that knows the user answers alone; or all are asked, and of each attribute the first value is taken, or the values of all.",
            ),
            on_attribute_failure: form.inherited(
                "onAttributeFailure",
                "useStale",
                "When the user store cannot answer: 503, its last answer within `staleFor`, or no attributes.",
            ),
            on_unknown_user: form.inherited(
                "onUnknownUser",
                "reject",
                "When the store has no such user: 403, or no attributes.",
            ),
            anonymous: form.inherited("anonymous", "omit", "Without a caller: no JWT, or one about the API alone."),
            max_header_bytes: form.inherited("maxHeaderBytes", "4096", "The largest header line, name included."),
            on_oversize: form.inherited("onOversize", "reject", "Over that: 500, or claims are dropped."),
            drop_order: form.inherited("dropOrder", "[]", "The claims that may be dropped, first to last."),
            token_id: form.inherited(
                "tokenId",
                "cached",
                "`unique`: a fresh `jti` for each call, at a signature each.",
            ),
            enabled: form.inherited("enabled", "true", "False switches off the wider level's policy of that header."),
        }
    }
}

fn read_audience(form: &mut Form<'_>) -> Option<Spanned<Vec<Spanned<String>>>> {
    let audience: Option<Spanned<OneOrMany<Spanned<String>>>> =
        form.optional("audience", "`aud`: one or several, `[]` for none; without it, the API's name.");
    audience.map(|audience| audience.map(|OneOrMany(entries)| entries))
}

impl TokenTtl {
    /// The longest.
    pub const MAX: u64 = 86_400;
}

impl Value for TokenTtl {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "seconds from 1 to 86400",
        read: |scalar, _| match (scalar.text.parse::<u64>(), Lifetime::parse(&scalar.text)) {
            (Ok(seconds), _) if scalar.style == Style::Plain => match seconds {
                1..=Self::MAX => Ok(Self(seconds)),
                _ => Err(Mistake::Invalid(format!("`{seconds}` is not between 1 and 86400 seconds"))),
            },
            (Err(_), Some(Lifetime(seconds))) => Err(Mistake::WrongTypeHint(format!("write the seconds: `{seconds}`"))),
            (Ok(_), _) => Err(Mistake::WrongTypeHint("take the quotes away".to_owned())),
            (Err(_), None) => Err(Mistake::WrongType),
        },
        stand_in: || Self(3600),
        schema: || json!({"type": "integer", "minimum": 1, "maximum": Self::MAX}),
    });
}

impl Value for ClaimsSelection {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| {
            Some(match bind_word_or_list("all", node, binder)? {
                WordOrList::Word => Self::All,
                WordOrList::List(list) => Self::Only(list),
            })
        },
        stand_in: |_| Self::All,
        describe: |definitions| describe_word_or_list::<AttributeSelection>("all", definitions),
    });
}

impl Value for AttributeSelection {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AttributeSelection",
        about: "An attribute to send.",
        short: Some(|attribute| Self { attribute, keep: Vec::new() }),
        read: |form| Self {
            attribute: form.required("attribute", "Its name."),
            keep: form.defaulted("keep", "[]", "Patterns with `*` of the values to send; `[]`: all."),
        },
    });
}

impl Value for TokenClaimsSelection {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| {
            Some(match bind_word_or_list("all", node, binder)? {
                WordOrList::Word => Self::All,
                WordOrList::List(list) => Self::Only(list),
            })
        },
        stand_in: |_| Self::All,
        describe: |definitions| describe_word_or_list::<String>("all", definitions),
    });
}

impl Value for UserStoreSelection {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: bind_user_stores,
        stand_in: |_| Self::None,
        describe: |_| {
            Type::AnyOf(vec![
                Type::Scalar(json!({"type": "string"})),
                Type::List(Box::new(Type::Scalar(json!({"type": "string"})))),
            ])
        },
    });
}

fn bind_user_stores(node: &Node, binder: &mut Binder) -> Option<UserStoreSelection> {
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.text == "none" => Some(UserStoreSelection::None),
        NodeKind::Scalar(_) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
            bind(node, binder).map(|OneOrMany(stores)| UserStoreSelection::Chain(stores))
        }
    }
}

impl Value for StoreMerge {
    const SHAPE: Shape<Self> = Shape::Words(
        Self::FirstStore,
        &[("firstStore", Self::FirstStore), ("firstValue", Self::FirstValue), ("union", Self::Union)],
    );
}

impl Value for CustomClaim {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "CustomClaim",
        about: "A further claim.",
        short: None,
        read: |form| Self {
            claim: form.required("claim", "Its name."),
            value: form.required(
                "value",
                "Its value; may hold `${user.…}`, `${token.…}`, `${application.…}`, `${api.…}` and `${operation.…}`.",
            ),
            claim_type: form.defaulted("type", "string", "What the value is converted to."),
            required: form.defaulted("required", "false", "True: without a value the call is answered 403."),
        },
    });
}

impl Value for CustomClaimType {
    const SHAPE: Shape<Self> = Shape::Words(
        Self::String,
        &[
            ("string", Self::String),
            ("int", Self::Int),
            ("long", Self::Long),
            ("float", Self::Float),
            ("bool", Self::Bool),
            ("boolean", Self::Bool),
            ("date", Self::Date),
            ("json", Self::Json),
        ],
    );
}

impl Value for AttributeFailure {
    const SHAPE: Shape<Self> =
        Shape::Words(Self::Reject, &[("reject", Self::Reject), ("useStale", Self::UseStale), ("omit", Self::Omit)]);
}

impl Value for UnknownUser {
    const SHAPE: Shape<Self> = Shape::Words(Self::Reject, &[("reject", Self::Reject), ("omit", Self::Omit)]);
}

impl Value for Anonymous {
    const SHAPE: Shape<Self> = Shape::Words(Self::Omit, &[("mint", Self::Mint), ("omit", Self::Omit)]);
}

impl Value for TokenId {
    const SHAPE: Shape<Self> = Shape::Words(Self::Cached, &[("cached", Self::Cached), ("unique", Self::Unique)]);
}

impl Value for OnOversize {
    const SHAPE: Shape<Self> = Shape::Words(Self::Reject, &[("reject", Self::Reject), ("drop", Self::Drop)]);
}
