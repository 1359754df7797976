//! The cluster's API server is asked whose a token is (TokenReview), and what its account may do (SubjectAccessReview).

use std::collections::BTreeMap;

use async_trait::async_trait;
use chancery_gateway::{Access, Account, ReviewError, Reviewer};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::error::GatewayError;

/// The group of Chancery's resources.
const GROUP: &str = "chancery.dev";

/// See the module.
pub(crate) struct ApiServer {
    client: Client,
    /// For whom tokens have to be meant; none: for the API server itself.
    audience: Option<String>,
}

impl ApiServer {
    /// The one of the pod's ServiceAccount, or of `KUBECONFIG`.
    pub(crate) async fn find(audience: &str) -> Result<Self, GatewayError> {
        let client =
            Client::try_default().await.map_err(|error| GatewayError::NoApiServer(error.to_string()))?;
        let audience = (!audience.is_empty()).then(|| audience.to_owned());
        Ok(Self { client, audience })
    }
}

#[async_trait]
impl Reviewer for ApiServer {
    async fn account_of(&self, token: &str) -> Result<Option<Account>, ReviewError> {
        let audiences = self.audience.clone().map(|audience| vec![audience]);
        let spec = TokenReviewSpec { token: token.to_owned(), audiences };
        let review = TokenReview { spec, ..TokenReview::default() };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await.map_err(failed)?;
        let status = answer.status.unwrap_or_default();
        // An API server that knows nothing of audiences names none: its word is about itself.
        let is_meant_for_us = match &self.audience {
            None => true,
            Some(audience) => status.audiences.unwrap_or_default().contains(audience),
        };
        let is_somebodys = status.authenticated.unwrap_or_default() && is_meant_for_us;
        Ok(status.user.filter(|_| is_somebodys).map(account))
    }

    async fn may(&self, account: &Account, access: &Access) -> Result<bool, ReviewError> {
        let Access { verb, resource, subresource, namespace, name } = access;
        let attributes = ResourceAttributes {
            group: Some(GROUP.to_owned()),
            verb: Some(verb.name().to_owned()),
            resource: Some((*resource).to_owned()),
            subresource: Some((*subresource).to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            ..ResourceAttributes::default()
        };
        let Account { username, uid, groups, extra } = account.clone();
        let spec = SubjectAccessReviewSpec {
            user: Some(username),
            uid,
            groups: Some(groups),
            extra: Some(extra),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await.map_err(failed)?;
        Ok(answer.status.is_some_and(|status| status.allowed && !status.denied.unwrap_or_default()))
    }
}

fn account(user: UserInfo) -> Account {
    Account {
        username: user.username.unwrap_or_default(),
        uid: user.uid,
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.map(BTreeMap::from_iter).unwrap_or_default(),
    }
}

fn failed(error: kube::Error) -> ReviewError {
    let reason = match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    };
    ReviewError(reason)
}
