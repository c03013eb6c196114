//! What the operator of a server does with its keys. The server takes that from the key in its store's folder only.

use legwork_core::id::KeyId;
use reqwest::Method;

use super::{Client, ClientError};
use crate::key::{KeyMade, KeyPage, KeyView, KeyWish};

const KEYS: &str = "/v1/keys";

impl Client {
    /// Makes a key. It is in the answer, and never shown again.
    pub async fn create_key(&self, wish: &KeyWish) -> Result<KeyMade, ClientError> {
        self.answer(self.call(Method::POST, KEYS).json(wish)).await?.read()
    }

    /// The keys that were made, oldest first, also those that are good no more.
    pub async fn keys(&self) -> Result<KeyPage, ClientError> {
        self.answer(self.call(Method::GET, KEYS)).await?.read()
    }

    /// Takes a key back: it is not accepted from now on.
    pub async fn revoke_key(&self, id: KeyId) -> Result<KeyView, ClientError> {
        self.answer(self.call(Method::POST, &format!("{KEYS}/{id}/revoke"))).await?.read()
    }

    /// Removes a key that is good no more.
    pub async fn forget_key(&self, id: KeyId) -> Result<(), ClientError> {
        self.answer(self.call(Method::DELETE, &format!("{KEYS}/{id}"))).await.map(|_| ())
    }
}
