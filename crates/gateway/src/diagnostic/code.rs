//! The stable names of all kinds of mistake.
//!
//! A name stays within 1.x: scripts and dashboards match on it. Add, never rename.

/// What kind of mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticCode {
    /// The text is not YAML.
    YamlSyntax,
    /// The file is too large, too deep, or expands to too much.
    YamlTooLarge,
    /// More mistakes than are shown.
    TooManyMistakes,
    /// The file has no content.
    EmptyFile,
    /// The file holds more than one YAML document.
    SeveralDocuments,
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// A field that does not exist.
    UnknownField,
    /// A field that must be there is not.
    MissingField,
    /// A value of another kind than the field takes.
    WrongType,
    /// A value of the right kind that the field does not take.
    InvalidValue,
    /// Fields that exclude or need one another.
    ConflictingFields,
    /// A feature that is recognised and not built yet.
    UnsupportedFeature,
    /// A field that is recognised and has no effect here.
    IgnoredField,
    /// A secret written into the file.
    InlineSecret,
    /// A secret where none may be.
    MisplacedSecret,
    /// A name that nothing has.
    UnknownName,
    /// Two things with one name.
    DuplicateName,
    /// Two APIs or operations that would answer one request.
    RouteConflict,
    /// A header that may not be minted, or is minted twice.
    HeaderConflict,
    /// A claim that collides with another or cannot be.
    ClaimConflict,
    /// A parameter outside the operator's limits.
    LimitExceeded,
    /// No key can sign what a policy asks for.
    MissingKey,
    /// A key or secret that cannot be used.
    UnusableKey,
    /// A file that cannot be read.
    UnreadableFile,
    /// Subjects of several issuers that could be mistaken for one another.
    SubjectCollision,
    /// An attribute that may not leave without the operator's leave.
    SensitiveAttribute,
    /// An unsigned token that the operator has not allowed.
    UnsignedToken,
    /// Legal, and weaker than it looks.
    WeakSetting,
    /// Changed by a reload, and taken up by a restart only.
    NeedsRestart,
    /// A user store or an issuer that does not answer as configured.
    ProbeFailed,
}

impl DiagnosticCode {
    /// Every code, in the order of the reference page.
    pub const ALL: [Self; 30] = [
        Self::YamlSyntax,
        Self::YamlTooLarge,
        Self::TooManyMistakes,
        Self::EmptyFile,
        Self::SeveralDocuments,
        Self::DuplicateKey,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidValue,
        Self::ConflictingFields,
        Self::UnsupportedFeature,
        Self::IgnoredField,
        Self::InlineSecret,
        Self::MisplacedSecret,
        Self::UnknownName,
        Self::DuplicateName,
        Self::RouteConflict,
        Self::HeaderConflict,
        Self::ClaimConflict,
        Self::LimitExceeded,
        Self::MissingKey,
        Self::UnusableKey,
        Self::UnreadableFile,
        Self::SubjectCollision,
        Self::SensitiveAttribute,
        Self::UnsignedToken,
        Self::WeakSetting,
        Self::NeedsRestart,
        Self::ProbeFailed,
    ];

    /// Returns the stable name.
    pub const fn text(self) -> &'static str {
        match self {
            Self::YamlSyntax => "yaml-syntax",
            Self::YamlTooLarge => "yaml-too-large",
            Self::TooManyMistakes => "too-many-mistakes",
            Self::EmptyFile => "empty-file",
            Self::SeveralDocuments => "several-documents",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownField => "unknown-field",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::InvalidValue => "invalid-value",
            Self::ConflictingFields => "conflicting-fields",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::IgnoredField => "ignored-field",
            Self::InlineSecret => "inline-secret",
            Self::MisplacedSecret => "misplaced-secret",
            Self::UnknownName => "unknown-name",
            Self::DuplicateName => "duplicate-name",
            Self::RouteConflict => "route-conflict",
            Self::HeaderConflict => "header-conflict",
            Self::ClaimConflict => "claim-conflict",
            Self::LimitExceeded => "limit-exceeded",
            Self::MissingKey => "missing-key",
            Self::UnusableKey => "unusable-key",
            Self::UnreadableFile => "unreadable-file",
            Self::SubjectCollision => "subject-collision",
            Self::SensitiveAttribute => "sensitive-attribute",
            Self::UnsignedToken => "unsigned-token",
            Self::WeakSetting => "weak-setting",
            Self::NeedsRestart => "needs-restart",
            Self::ProbeFailed => "probe-failed",
        }
    }
}
