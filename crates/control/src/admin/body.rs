//! What a request says, as typed values; what is wrong with it is a problem like any other.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::{desk::Desk, problem::Problem};

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Desk>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, desk).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send `Content-Type: application/json`",
            )),
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Problem::bad_request("the body is not valid JSON")),
            Err(JsonRejection::BytesRejection(rejection)) => {
                Err(Problem::new(rejection.status(), "unreadable_body", "the body did not arrive, or is too long"))
            }
            Err(rejection) => Err(Problem::unprocessable(rejection.body_text())),
        }
    }
}

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Search<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Desk>> for Search<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, desk).await;
        read.map(|Query(value)| Self(value)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

/// The parameters of a path.
#[derive(Debug)]
pub(super) struct Place<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Desk>> for Place<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, desk).await;
        read.map(|Path(value)| Self(value)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}
