//! The client's webhook endpoints, their secrets and their deliveries.

use chrono::{DateTime, Utc};

use crate::api::extract::query::Paging;
use crate::api::problem::Problem;
use crate::api::tenant::{Tenant, Visitor};
use crate::model::id::{ClientId, DeliveryId, EndpointId};
use crate::store::Page;
use crate::store::deliveries::DeliveryStatus;
use crate::webhooks::{
    DeliveryView, EndpointChange, EndpointSpec, EndpointView, KeyPair, SecretPair, WebhookSecret, Webhooks,
};

impl Tenant {
    fn endpoints_of(&self) -> &Webhooks {
        &self.api.services.webhooks
    }

    /// Makes an endpoint; answers it with its secret.
    ///
    /// # Errors
    /// A conflict where there are too many, or 503 where Redis is away.
    pub async fn create_endpoint(&self, spec: EndpointSpec) -> Result<(EndpointView, WebhookSecret), Problem> {
        let made = self.endpoints_of().create_endpoint(self.client(), spec).await?;
        self.api.work().listeners().forget(self.client());
        Ok(made)
    }

    /// The endpoints, oldest first.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>, Problem> {
        Ok(self.endpoints_of().endpoints(self.client()).await?)
    }

    /// One endpoint.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, or 503 where Redis is away.
    pub async fn endpoint(&self, id: &EndpointId) -> Result<EndpointView, Problem> {
        Ok(self.endpoints_of().endpoint(self.client(), id).await?)
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, or 503 where Redis is away.
    pub async fn change_endpoint(&self, id: &EndpointId, change: &EndpointChange) -> Result<EndpointView, Problem> {
        let endpoint = self.endpoints_of().change_endpoint(self.client(), id, change).await?;
        self.api.work().listeners().forget(self.client());
        Ok(endpoint)
    }

    /// Removes an endpoint.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, or 503 where Redis is away.
    pub async fn remove_endpoint(&self, id: &EndpointId) -> Result<(), Problem> {
        self.endpoints_of().remove_endpoint(self.client(), id).await?;
        self.api.work().listeners().forget(self.client());
        Ok(())
    }

    /// Sends a test event.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, a conflict, or 503 where Redis is away.
    pub async fn test_endpoint(&self, id: &EndpointId) -> Result<DeliveryView, Problem> {
        Ok(self.endpoints_of().test(self.client(), id).await?)
    }

    /// Deliveries of an endpoint.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, 422 for a cursor of another list, or 503 where Redis is away.
    pub async fn deliveries(
        &self,
        id: &EndpointId,
        status: Option<DeliveryStatus>,
        paging: &Paging,
    ) -> Result<Page<DeliveryView>, Problem> {
        let cursor = paging.cursor.as_deref();
        Ok(self.endpoints_of().deliveries(self.client(), id, status, cursor, paging.limit).await?)
    }

    /// Sends a delivery once more.
    ///
    /// # Errors
    /// 404 where the client has no such delivery, a conflict, or 503 where Redis is away.
    pub async fn replay(&self, id: &DeliveryId) -> Result<DeliveryView, Problem> {
        Ok(self.endpoints_of().replay(self.client(), id).await?)
    }

    /// Sends an endpoint's deliveries since a moment once more; answers how many.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, a conflict, or 503 where Redis is away.
    pub async fn replay_since(&self, id: &EndpointId, since: DateTime<Utc>, only_failed: bool) -> Result<u32, Problem> {
        Ok(self.endpoints_of().replay_since(self.client(), id, since, only_failed).await?)
    }

    /// What signs for an endpoint.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, or 503 where Redis is away.
    pub async fn endpoint_secret(&self, id: &EndpointId) -> Result<SecretPair, Problem> {
        Ok(self.endpoints_of().secret(self.client(), id).await?)
    }

    /// Gives an endpoint another secret.
    ///
    /// # Errors
    /// 404 where the client has no such endpoint, or 503 where Redis is away.
    pub async fn rotate_endpoint(&self, id: &EndpointId, given: Option<&WebhookSecret>) -> Result<SecretPair, Problem> {
        Ok(self.endpoints_of().rotate(self.client(), id, given).await?)
    }

    /// What signs webhooks to per-request addresses.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn default_secret(&self) -> Result<SecretPair, Problem> {
        Ok(self.endpoints_of().default_secret(self.client()).await?)
    }

    /// Gives the client another default secret and key pair.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn rotate_default_secret(&self) -> Result<SecretPair, Problem> {
        Ok(self.endpoints_of().rotate_default(self.client()).await?)
    }
}

impl Visitor {
    /// The key pairs whose public halves verify a client's webhooks: of the one that is named, else of the one whose key was sent.
    ///
    /// # Errors
    /// 401 where neither is, or 503 where Redis is away.
    pub async fn webhook_key_pairs(&self, named: Option<ClientId>) -> Result<Vec<KeyPair>, Problem> {
        let own = || self.tenant.as_ref().map(|tenant| tenant.client().clone());
        let client = named.or_else(own).ok_or_else(|| {
            Problem::unauthenticated("name a client with `?client=`, or send a key as `Authorization: Bearer <key>`")
        })?;
        Ok(self.api.services.webhooks.key_pairs(&client).await?)
    }
}
