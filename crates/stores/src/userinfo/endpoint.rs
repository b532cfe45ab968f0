//! Where an issuer's `UserInfo` endpoint is: configured, or found in its discovery document and remembered for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claims::Json;
use http::{HeaderValue, StatusCode, header::ACCEPT};
use url::Url;

use super::UserInfoEndpoint;
use crate::{
    error::StoreError,
    http_client::HttpRequest,
    renewed::{Kept, Renewed},
    service::Service,
};

/// How long a discovered address serves.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

/// The endpoint of one issuer.
pub(super) struct Endpoint {
    place: UserInfoEndpoint,
    iss: Box<str>,
    discovered: Renewed<Url, StoreError>,
}

impl Endpoint {
    pub(super) fn new(place: UserInfoEndpoint, iss: Box<str>) -> Self {
        Self { place, iss, discovered: Renewed::new() }
    }

    /// Returns the address.
    pub(super) async fn url(&self, service: &Service) -> Result<Url, StoreError> {
        match &self.place {
            UserInfoEndpoint::Url(url) => Ok(url.clone()),
            UserInfoEndpoint::Discovery(document) => {
                let discovering = self.discover(document, service);
                self.discovered.value(discovering).await.map_err(Arc::unwrap_or_clone)
            }
        }
    }

    async fn discover(&self, document: &Url, service: &Service) -> Result<Kept<Url>, StoreError> {
        let until = Instant::now() + REMEMBERED_FOR;
        let request = HttpRequest::get(document.clone());
        let answer = service.ask_as_user(request.with(ACCEPT, HeaderValue::from_static("application/json"))).await?;
        let found = (answer.status == StatusCode::OK).then(|| Json::parse(&answer.body).ok()).flatten();
        let member = |name: &str| found.as_ref().and_then(Json::as_object)?.get(name)?.as_str();
        // `OpenID` Connect Discovery §4.3: the document must be about the issuer that it was asked for.
        let is_its_own = member("issuer") == Some(&self.iss);
        let endpoint =
            member("userinfo_endpoint").filter(|_| is_its_own).and_then(|endpoint| Url::parse(endpoint).ok());
        // A token must not go where it can be read under way, unless the issuer itself is there.
        let endpoint =
            endpoint.filter(|endpoint| endpoint.scheme() == "https" || endpoint.scheme() == document.scheme());
        let value = endpoint.ok_or_else(|| {
            service.malformed("the issuer's discovery document names no `userinfo_endpoint` that can be used")
        })?;
        Ok(Kept { value, until })
    }
}
