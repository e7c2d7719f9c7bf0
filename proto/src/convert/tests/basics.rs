//! Ids, texts and figures of any value.

use domain::{
    BlendId, CredentialId, KeyId, ModelId, Money, OrganisationId, PolicyId, ProjectId, ProviderSlug, RequestId,
    RouterId, ScorecardId, SnapshotVersion, Timestamp,
};
use proptest::prelude::*;
use proptest::strategy::Strategy as Arbitrary;

macro_rules! any_id {
    ($name:ident, $type:ty) => {
        pub(super) fn $name() -> impl Arbitrary<Value = $type> {
            any::<[u8; 20]>().prop_map(<$type>::from_random)
        }
    };
}
any_id!(organisation_id, OrganisationId);
any_id!(project_id, ProjectId);
any_id!(credential_id, CredentialId);
any_id!(scorecard_id, ScorecardId);
any_id!(blend_id, BlendId);
any_id!(policy_id, PolicyId);
any_id!(router_id, RouterId);
any_id!(key_id, KeyId);

pub(super) fn text() -> impl Arbitrary<Value = String> {
    "\\PC{0,20}"
}

pub(super) fn slug() -> impl Arbitrary<Value = ProviderSlug> {
    "[a-z][a-z0-9-]{2,9}".prop_filter_map("reserved", |text| ProviderSlug::parse(&text).ok())
}

pub(super) fn model_id() -> impl Arbitrary<Value = ModelId> {
    (slug(), "[A-Za-z0-9._:/@+-]{1,20}").prop_map(|(slug, name)| ModelId::parse(&format!("{slug}/{name}")).unwrap())
}

pub(super) fn amount() -> impl Arbitrary<Value = Money> {
    any::<i64>().prop_map(|pico| Money::from_pico(pico.into()))
}

pub(super) fn moment() -> impl Arbitrary<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

pub(super) fn version() -> impl Arbitrary<Value = SnapshotVersion> {
    any::<(u64, u64)>().prop_map(|(epoch, revision)| SnapshotVersion { epoch, revision })
}

pub(super) fn request_id() -> impl Arbitrary<Value = RequestId> {
    any::<u128>().prop_map(RequestId::from_value)
}
