//! Errors by who reads them: direct, shown, sent and bearer errors are separate types, and one variant is one
//! registered code with one status.

/// Answered to a client as JSON (RFC 6749 §5.2): token, introspection and revocation endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectError {
    InvalidRequest(&'static str),
    /// Remembers where the credentials stood, because RFC 6749 §5.2 wants the scheme back in `WWW-Authenticate`.
    InvalidClient(CredentialPlace),
    InvalidGrant(&'static str),
    UnauthorizedClient(&'static str),
    UnsupportedGrantType,
    InvalidScope(&'static str),
    /// RFC 8707 §2.
    InvalidTarget(&'static str),
}

/// Where a client put its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
    Header,
    Body,
}

impl DirectError {
    pub const fn code(self) -> &'static str {
        match self {
            DirectError::InvalidRequest(_) => "invalid_request",
            DirectError::InvalidClient(_) => "invalid_client",
            DirectError::InvalidGrant(_) => "invalid_grant",
            DirectError::UnauthorizedClient(_) => "unauthorized_client",
            DirectError::UnsupportedGrantType => "unsupported_grant_type",
            DirectError::InvalidScope(_) => "invalid_scope",
            DirectError::InvalidTarget(_) => "invalid_target",
        }
    }

    pub const fn description(self) -> &'static str {
        match self {
            DirectError::InvalidRequest(what)
            | DirectError::InvalidGrant(what)
            | DirectError::UnauthorizedClient(what)
            | DirectError::InvalidScope(what)
            | DirectError::InvalidTarget(what) => what,
            // One sentence for an unknown client and a wrong secret: nobody learns which clients exist.
            DirectError::InvalidClient(_) => {
                "client authentication failed: unknown client, wrong credentials, or another method than registered"
            }
            DirectError::UnsupportedGrantType => "this server does not support the requested grant_type",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            DirectError::InvalidClient(_) => 401,
            _ => 400,
        }
    }
}

/// Sent to the client through the browser, to a redirect URI that was proven (RFC 6749 §4.1.2.1, OpenID
/// Connect Core §3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentCode {
    InvalidRequest,
    UnauthorizedClient,
    AccessDenied,
    UnsupportedResponseType,
    InvalidScope,
    /// RFC 8707 §2.
    InvalidTarget,
    LoginRequired,
    InteractionRequired,
    ConsentRequired,
    InvalidRequestObject,
    InvalidRequestUri,
    RegistrationNotSupported,
    /// RFC 9470 §3; OpenID Connect Core §5.5.1.1 asks for an error.
    UnmetAuthenticationRequirements,
}

impl SentCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            SentCode::InvalidRequest => "invalid_request",
            SentCode::UnauthorizedClient => "unauthorized_client",
            SentCode::AccessDenied => "access_denied",
            SentCode::UnsupportedResponseType => "unsupported_response_type",
            SentCode::InvalidScope => "invalid_scope",
            SentCode::InvalidTarget => "invalid_target",
            SentCode::LoginRequired => "login_required",
            SentCode::InteractionRequired => "interaction_required",
            SentCode::ConsentRequired => "consent_required",
            SentCode::InvalidRequestObject => "invalid_request_object",
            SentCode::InvalidRequestUri => "invalid_request_uri",
            SentCode::RegistrationNotSupported => "registration_not_supported",
            SentCode::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// A code and a sentence for the developer of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentError {
    pub code: SentCode,
    pub description: &'static str,
}

impl SentError {
    pub const fn new(code: SentCode, description: &'static str) -> Self {
        SentError { code, description }
    }
}

/// Shown to the person on a page, because no redirect URI is proven, or because the browser went astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownError {
    /// A parameter that is malformed or stands twice where nothing can be sent back.
    MalformedRequest,
    /// Unknown and disabled clients look alike (RFC 6749 §4.1.2.1).
    UnknownClient,
    /// The document that a client_id leads to (draft-ietf-oauth-client-id-metadata-document §5.1).
    UnusableClientDocument,
    MissingRedirectUri,
    /// Not one of the registered ones, byte for byte (RFC 9700 §2.1).
    UnregisteredRedirectUri,
    /// The request is in an object that is not the client's, or not sound, so that nothing in it is proven.
    InvalidRequestObject,
    /// … or it is where the client has not registered, or cannot be fetched.
    InvalidRequestUri,
    UnknownAuthorization,
    ExpiredAuthorization,
    CompletedAuthorization,
    /// The sign-in was begun in another browser.
    OtherBrowser,
    /// Somebody else signed in meanwhile.
    SessionChanged,
    /// The form came without its token or from another site.
    ForgedForm,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    Unavailable,
    Internal,
}

impl ShownError {
    /// What `#error-code` says: a registered code where one exists.
    pub const fn code(self) -> &'static str {
        match self {
            ShownError::MalformedRequest => "invalid_request",
            ShownError::UnknownClient => "invalid_client",
            ShownError::UnusableClientDocument => "invalid_client_metadata",
            ShownError::MissingRedirectUri | ShownError::UnregisteredRedirectUri => "invalid_redirect_uri",
            ShownError::InvalidRequestObject => SentCode::InvalidRequestObject.as_str(),
            ShownError::InvalidRequestUri => SentCode::InvalidRequestUri.as_str(),
            ShownError::UnknownAuthorization => "unknown_authorization",
            ShownError::ExpiredAuthorization => "expired_authorization",
            ShownError::CompletedAuthorization => "already_completed",
            ShownError::OtherBrowser => "other_browser",
            ShownError::SessionChanged => "session_changed",
            ShownError::ForgedForm => "forged_form",
            ShownError::NotFound => "not_found",
            ShownError::MethodNotAllowed => "method_not_allowed",
            ShownError::TooLarge => "too_large",
            ShownError::UnsupportedMediaType => "unsupported_media_type",
            ShownError::Unavailable => "temporarily_unavailable",
            ShownError::Internal => "server_error",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            ShownError::NotFound => 404,
            ShownError::MethodNotAllowed => 405,
            ShownError::TooLarge => 413,
            ShownError::UnsupportedMediaType => 415,
            ShownError::ForgedForm | ShownError::OtherBrowser => 403,
            ShownError::Unavailable => 503,
            ShownError::Internal => 500,
            _ => 400,
        }
    }
}

/// Answered by a protected resource (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// "If the request lacks any authentication information … the resource server SHOULD NOT include an
    /// error code or other error information."
    NoToken,
    InvalidRequest,
    InvalidToken,
    InsufficientScope(&'static str),
}

impl BearerError {
    pub const fn status(self) -> u16 {
        match self {
            BearerError::InvalidRequest => 400,
            BearerError::NoToken | BearerError::InvalidToken => 401,
            BearerError::InsufficientScope(_) => 403,
        }
    }

    pub const fn code(self) -> Option<&'static str> {
        match self {
            BearerError::NoToken => None,
            BearerError::InvalidRequest => Some("invalid_request"),
            BearerError::InvalidToken => Some("invalid_token"),
            BearerError::InsufficientScope(_) => Some("insufficient_scope"),
        }
    }

    pub const fn description(self) -> &'static str {
        match self {
            BearerError::NoToken => "",
            BearerError::InvalidRequest => {
                "send one access token, in the Authorization header or in the form body"
            }
            BearerError::InvalidToken => {
                "the access token is malformed, expired, revoked, or not meant for this resource"
            }
            BearerError::InsufficientScope(_) => "the access token lacks the scope that this resource needs",
        }
    }
}
