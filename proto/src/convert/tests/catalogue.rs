//! Organisations, projects, providers, credentials and models of any value.

use domain::{
    Ability, AuthScheme, Calibration, Credential, CredentialKind, Date, DialectKind, Modality, Model, Organisation,
    Owner, Pricing, Project, Provider, Scale, Scales, SealedBytes, Timeouts,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::basics::{amount, credential_id, model_id, organisation_id, policy_id, project_id, slug, text};
use super::keys::{body_logging, budget};

pub(super) fn organisation() -> impl Arbitrary<Value = Organisation> {
    (organisation_id(), text(), of(policy_id()), of(calibration()), of(budget()), of(body_logging())).prop_map(
        |(id, name, default_policy, calibration, budget, body_logging)| Organisation {
            body_logging,
            budget,
            id,
            name,
            default_policy,
            calibration,
        },
    )
}

pub(super) fn calibration() -> impl Arbitrary<Value = Calibration> {
    // Numbers that decimal text holds exactly.
    let number = || (-64_i32..64).prop_map(|it| f64::from(it) / 8.0);
    let scale = move || (number(), number()).prop_map(|(a, b)| Scale { a, b });
    (text(), text(), number(), scale(), scale(), any::<u64>()).prop_map(|(version, source, k, blend, q, n)| {
        Calibration {
            version: version.into(),
            difficulty: source.clone(),
            k,
            scale: Scales { blend, q },
            fitted_on: source.clone(),
            n,
            date: Date::parse("2026-11-22").unwrap(),
            source,
        }
    })
}

pub(super) fn project() -> impl Arbitrary<Value = Project> {
    (project_id(), organisation_id(), text(), of(policy_id()), of(budget()))
        .prop_map(|(id, organisation, name, policy, budget)| Project { budget, id, organisation, name, policy })
}

pub(super) fn auth() -> impl Arbitrary<Value = AuthScheme> {
    prop_oneof![Just(AuthScheme::Bearer), text().prop_map(AuthScheme::Header), text().prop_map(AuthScheme::Query)]
}

pub(super) fn timeouts() -> impl Arbitrary<Value = Timeouts> {
    any::<[Option<u64>; 5]>().prop_map(|[connect_ms, response_header_ms, first_token_ms, inter_chunk_ms, total_ms]| {
        Timeouts { connect_ms, response_header_ms, first_token_ms, inter_chunk_ms, total_ms }
    })
}

pub(super) fn provider() -> impl Arbitrary<Value = Provider> {
    let flags = any::<(bool, bool, Option<bool>, Option<bool>, bool)>();
    let pairs = || btree_map(text(), text(), 0..3);
    let speech = (select(DialectKind::ALL.to_vec()), auth(), pairs(), pairs());
    (slug(), organisation_id(), text(), speech, flags, timeouts()).prop_map(
        |(slug, organisation, base_url, (dialect, auth, query, headers), flags, timeouts)| Provider {
            headers,
            responses: flags.4,
            slug,
            organisation,
            dialect,
            base_url,
            auth,
            allow_anonymous: flags.0,
            allow_private_network: flags.1,
            zero_data_retention: flags.2,
            collects_data: flags.3,
            timeouts,
            query,
        },
    )
}

pub(super) fn credential() -> impl Arbitrary<Value = Credential> {
    let sealed = vec(any::<u8>(), 0..80).prop_map(SealedBytes);
    let owner = select(vec![Owner::Managed, Owner::Org, Owner::User]);
    let kind = select(vec![CredentialKind::ApiKey, CredentialKind::OauthClientCredentials]);
    let use_of = (owner, of(text()), kind, any::<u32>());
    (credential_id(), organisation_id(), slug(), text(), use_of, any::<u32>(), sealed, text()).prop_map(
        |(id, organisation, provider, name, (owner, user, kind, weight), version, sealed, hint)| Credential {
            kind,
            user,
            weight,
            id,
            organisation,
            provider,
            name,
            owner,
            version,
            sealed,
            hint,
        },
    )
}

pub(super) fn pricing() -> impl Arbitrary<Value = Pricing> {
    [of(amount()), of(amount()), of(amount()), of(amount()), of(amount())].prop_map(
        |[prompt, completion, cached_prompt, cache_write, reasoning]| Pricing {
            prompt,
            completion,
            cached_prompt,
            cache_write,
            reasoning,
        },
    )
}

pub(super) fn modalities() -> impl Arbitrary<Value = Vec<Modality>> {
    vec(select(vec![Modality::Text, Modality::Image, Modality::Audio, Modality::Video, Modality::File]), 0..4)
}

pub(super) fn model() -> impl Arbitrary<Value = Model> {
    let names = (model_id(), organisation_id(), text(), of(text()), of(text()), of(text()));
    let limits = any::<(bool, Option<u64>, Option<u64>, Option<bool>, Option<u32>)>();
    let abilities = vec(select(Ability::ALL.to_vec()), 0..5);
    let lists = (abilities, modalities(), modalities(), of(vec(text(), 0..3)));
    (names, limits, pricing(), of(0.0..=1.0), lists).prop_map(|(names, limits, pricing, capability, lists)| Model {
        dimensions: limits.4,
        id: names.0,
        organisation: names.1,
        native: names.2,
        name: names.3,
        enabled: limits.0,
        context_length: limits.1,
        max_output_tokens: limits.2,
        pricing,
        capability,
        capabilities: lists.0,
        input_modalities: lists.1,
        output_modalities: lists.2,
        supported_parameters: lists.3,
        released: names.4,
        zero_data_retention: limits.3,
        source: names.5,
    })
}
