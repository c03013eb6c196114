//! The keys of the server. They are made and taken back by its operator only: whoever shows the key in the store's folder.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use legwork_api::code::Code;
use legwork_api::key::{KeyMade, KeyPage, KeyView, KeyWish};
use legwork_core::id::KeyId;
use legwork_core::store::{AddKeyError, ForgetKeyError};

use super::Api;
use super::body::Given;
use super::caller::Caller;
use super::failure::Failure;
use crate::keys::{By, MakeError};

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 3] {
    [("/keys", get(list).post(make)), ("/keys/{id}", delete(forget)), ("/keys/{id}/revoke", post(revoke))]
}

/// Whoever can read the store's folder. Also a server that is everybody's lets nobody else at its keys.
struct Master;

impl FromRequestParts<Api> for Master {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        match Caller::from_request_parts(parts, api).await?.1 {
            By::Folder => Ok(Self),
            By::Nobody | By::Given | By::Made(_) => {
                let hint = "use `legwork key` where the server's store is";
                Err(Failure::new(Code::Forbidden, format!("keys are for the operator of this server; {hint}")))
            }
        }
    }
}

/// The key that a path names. What cannot be an id names nothing.
struct Id(KeyId);

impl FromRequestParts<Api> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|_| Failure::new(Code::NotFound, "the key's id is not text"))?;
        text.parse().map(Self).map_err(|odd| Failure::new(Code::NotFound, format!("there is no key {text:?}: {odd}")))
    }
}

fn no_such(id: KeyId) -> Failure {
    Failure::new(Code::NotFound, format!("there is no key {id}"))
}

async fn list(_: Master, State(api): State<Api>) -> Result<Json<KeyPage>, Failure> {
    let (made, now) = (api.keys.made().await?, api.keys.now());
    Ok(Json(KeyPage { keys: made.iter().map(|key| KeyView::of(key, now)).collect() }))
}

/// Makes a key. This answer is the one time that it is shown.
async fn make(_: Master, State(api): State<Api>, Given(body): Given) -> Result<Response, Failure> {
    let wish = KeyWish::read(&body)?;
    let name = wish.name.clone();
    let (secret, key) = api.keys.make(wish).await.map_err(|refused| match refused {
        MakeError::Over => Failure::invalid("body", "expires_at", "is over already"),
        MakeError::NotAdded(AddKeyError::Taken) => {
            Failure::new(Code::Conflict, format!("there is a key {name:?} already; revoke it, or take another name"))
        }
        MakeError::NotAdded(AddKeyError::Store(error)) => error.into(),
    })?;
    let made = KeyMade { key: secret.reveal().to_owned(), view: KeyView::of(&key, api.keys.now()) };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

async fn revoke(_: Master, State(api): State<Api>, Id(id): Id) -> Result<Json<KeyView>, Failure> {
    let key = api.keys.revoke(id).await?.ok_or_else(|| no_such(id))?;
    Ok(Json(KeyView::of(&key, api.keys.now())))
}

async fn forget(_: Master, State(api): State<Api>, Id(id): Id) -> Result<StatusCode, Failure> {
    api.keys.forget(id).await.map_err(|refused| match refused {
        ForgetKeyError::Unknown => no_such(id),
        ForgetKeyError::Good => {
            Failure::new(Code::Conflict, format!("{id} is still good; revoke it before it is forgotten"))
        }
        ForgetKeyError::Store(error) => error.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
