//! Objects as rows: how each kind is written, deleted and read back.
//!
//! Bodies are the JSON of the domain object; what is sealed or hashed leaves the body for a column of its own.

use std::sync::Arc;

use domain::{
    ApiKey, Blend, Credential, KeyHash, Model, Object, ObjectKey, ObjectKind, Organisation, Policy, Project, Provider,
    Router, Scorecard, SealedBytes, Strategy,
};
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use crate::error::RegistryError;

/// Writes an object, new or changed.
pub(crate) async fn put(db: &mut SqliteConnection, object: &Object) -> Result<(), RegistryError> {
    let query = match object {
        Object::Pepper(sealed) => sqlx::query(
            "INSERT INTO settings (name, body) VALUES ('pepper', ?1) ON CONFLICT (name) DO UPDATE SET body = ?1",
        )
        .bind(sealed.0.clone()),
        Object::Organisation(it) => sqlx::query(
            "INSERT INTO organisations (id, name, body) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET name = ?2, body = ?3",
        )
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(json(&**it)),
        Object::Project(it) => sqlx::query(
            "INSERT INTO projects (organisation, id, name, policy, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (organisation, id) DO UPDATE SET name = ?3, policy = ?4, body = ?5",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(it.policy.as_ref().map(ToString::to_string))
        .bind(json(&**it)),
        Object::Provider(it) => sqlx::query(
            "INSERT INTO providers (organisation, id, body) VALUES (?1, ?2, ?3) \
             ON CONFLICT (organisation, id) DO UPDATE SET body = ?3",
        )
        .bind(it.organisation.to_string())
        .bind(it.slug.to_string())
        .bind(json(&**it)),
        Object::Credential(it) => {
            let body = Credential { sealed: SealedBytes(Vec::new()), ..(**it).clone() };
            sqlx::query(
                "INSERT INTO credentials (organisation, id, provider, name, sealed, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT (organisation, id) DO UPDATE SET provider = ?3, name = ?4, sealed = ?5, body = ?6",
            )
            .bind(it.organisation.to_string())
            .bind(it.id.to_string())
            .bind(it.provider.to_string())
            .bind(it.name.clone())
            .bind(it.sealed.0.clone())
            .bind(json(&body))
        }
        Object::Model(it) => sqlx::query(
            "INSERT INTO models (organisation, id, provider, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (organisation, id) DO UPDATE SET body = ?4",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.id.provider().to_owned())
        .bind(json(&**it)),
        Object::Scorecard(it) => sqlx::query(
            "INSERT INTO scorecards (organisation, id, name, version, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (organisation, id) DO UPDATE SET name = ?3, version = ?4, body = ?5",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(it.version.clone())
        .bind(json(&**it)),
        Object::Blend(it) => sqlx::query(
            "INSERT INTO blends (organisation, id, name, fallback_model, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (organisation, id) DO UPDATE SET name = ?3, fallback_model = ?4, body = ?5",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(it.fallback_model.as_ref().map(ToString::to_string))
        .bind(json(&**it)),
        Object::Policy(it) => sqlx::query(
            "INSERT INTO policies (organisation, id, name, slug, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (organisation, id) DO UPDATE SET name = ?3, slug = ?4, body = ?5",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(it.slug.clone())
        .bind(json(&**it)),
        Object::Router(it) => sqlx::query(
            "INSERT INTO routers (organisation, id, name, policy, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (organisation, id) DO UPDATE SET name = ?3, policy = ?4, body = ?5",
        )
        .bind(it.organisation.to_string())
        .bind(it.id.to_string())
        .bind(it.name.clone())
        .bind(it.policy.as_ref().map(ToString::to_string))
        .bind(json(&**it)),
        Object::Key(it) => {
            let body = ApiKey { hash: KeyHash([0; 32]), ..(**it).clone() };
            sqlx::query(
                "INSERT INTO keys (organisation, id, name, hash, project, policy, revoked, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (organisation, id) DO UPDATE SET \
                 name = ?3, hash = ?4, project = ?5, policy = ?6, revoked = ?7, body = ?8",
            )
            .bind(it.organisation.to_string())
            .bind(it.id.to_string())
            .bind(it.name.clone())
            .bind(it.hash.0.to_vec())
            .bind(it.project.as_ref().map(ToString::to_string))
            .bind(it.routing.as_ref().map(|routing| routing.policy.to_string()))
            .bind(i64::from(it.revoked_at.is_some()))
            .bind(json(&body))
        }
    };
    query.execute(&mut *db).await.map_err(failed("write an object"))?;
    link(db, object).await
}

/// Writes to which scorecards and blends an object refers.
async fn link(db: &mut SqliteConnection, object: &Object) -> Result<(), RegistryError> {
    let (clear, add, others): (_, _, Vec<String>) = match object {
        Object::Blend(it) => (
            "DELETE FROM blend_scorecards WHERE organisation = ?1 AND id = ?2",
            "INSERT OR IGNORE INTO blend_scorecards (organisation, id, other) VALUES (?1, ?2, ?3)",
            it.weights.iter().map(|weight| weight.benchmark.to_string()).collect(),
        ),
        Object::Router(it) => (
            "DELETE FROM router_scorecards WHERE organisation = ?1 AND id = ?2",
            "INSERT OR IGNORE INTO router_scorecards (organisation, id, other) VALUES (?1, ?2, ?3)",
            it.scorecards.iter().map(ToString::to_string).collect(),
        ),
        Object::Policy(it) => (
            "DELETE FROM policy_blends WHERE organisation = ?1 AND id = ?2",
            "INSERT OR IGNORE INTO policy_blends (organisation, id, other) VALUES (?1, ?2, ?3)",
            policy::strategies(it).filter_map(Strategy::blend).map(ToString::to_string).collect(),
        ),
        Object::Pepper(_)
        | Object::Organisation(_)
        | Object::Project(_)
        | Object::Provider(_)
        | Object::Credential(_)
        | Object::Model(_)
        | Object::Scorecard(_)
        | Object::Key(_) => return Ok(()),
    };
    let key = object.key();
    let organisation = key.organisation.map(String::from).unwrap_or_default();
    let cleared = sqlx::query(clear).bind(organisation.clone()).bind(key.id.clone());
    cleared.execute(&mut *db).await.map_err(failed("write references"))?;
    for other in others {
        let added = sqlx::query(add).bind(organisation.clone()).bind(key.id.clone()).bind(other);
        added.execute(&mut *db).await.map_err(failed("write references"))?;
    }
    Ok(())
}

fn failed(what: &'static str) -> impl FnOnce(sqlx::Error) -> RegistryError {
    move |source| RegistryError::Database { what, source }
}

/// Deletes an object.
pub(crate) async fn delete(db: &mut SqliteConnection, key: &ObjectKey) -> Result<(), RegistryError> {
    let statement = match key.kind {
        ObjectKind::Pepper => return Ok(()),
        ObjectKind::Organisation => "DELETE FROM organisations WHERE ?1 = '' AND id = ?2",
        ObjectKind::Project => "DELETE FROM projects WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Provider => "DELETE FROM providers WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Credential => "DELETE FROM credentials WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Model => "DELETE FROM models WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Scorecard => "DELETE FROM scorecards WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Blend => "DELETE FROM blends WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Policy => "DELETE FROM policies WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Router => "DELETE FROM routers WHERE organisation = ?1 AND id = ?2",
        ObjectKind::Key => "DELETE FROM keys WHERE organisation = ?1 AND id = ?2",
    };
    let organisation = key.organisation.as_ref().map_or("", |it| it.as_str());
    let query = sqlx::query(statement).bind(organisation.to_owned()).bind(key.id.clone());
    query.execute(db).await.map_err(failed("delete an object"))?;
    Ok(())
}

/// Reads every object of every organisation, referred-to kinds first.
pub(crate) async fn load(db: &mut SqliteConnection) -> Result<Vec<Object>, RegistryError> {
    let mut objects = Vec::new();
    for (body,) in fetch::<(Vec<u8>,)>(db, "SELECT body FROM settings WHERE name = 'pepper'").await? {
        objects.push(Object::Pepper(SealedBytes(body)));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM organisations").await? {
        objects.push(Object::Organisation(read::<Organisation>("organisation", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM projects").await? {
        objects.push(Object::Project(read::<Project>("project", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM providers").await? {
        objects.push(Object::Provider(read::<Provider>("provider", id, &body)?));
    }
    for (id, sealed, body) in fetch::<(String, Vec<u8>, String)>(db, "SELECT id, sealed, body FROM credentials").await?
    {
        let body: Credential = parse("credential", id, &body)?;
        objects.push(Object::Credential(Arc::new(Credential { sealed: SealedBytes(sealed), ..body })));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM models").await? {
        objects.push(Object::Model(read::<Model>("model", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM scorecards").await? {
        objects.push(Object::Scorecard(read::<Scorecard>("scorecard", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM blends").await? {
        objects.push(Object::Blend(read::<Blend>("blend", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM policies").await? {
        objects.push(Object::Policy(read::<Policy>("policy", id, &body)?));
    }
    for (id, body) in fetch::<(String, String)>(db, "SELECT id, body FROM routers").await? {
        objects.push(Object::Router(read::<Router>("router", id, &body)?));
    }
    for (id, hash, body) in fetch::<(String, Vec<u8>, String)>(db, "SELECT id, hash, body FROM keys").await? {
        let body: ApiKey = parse("key", id, &body)?;
        let hash = hash.try_into().map_err(|_| RegistryError::Incomplete { what: "the hash of a key" })?;
        objects.push(Object::Key(Arc::new(ApiKey { hash: KeyHash(hash), ..body })));
    }
    Ok(objects)
}

/// Runs a query without arguments.
pub(crate) async fn fetch<Row>(db: &mut SqliteConnection, query: &'static str) -> Result<Vec<Row>, RegistryError>
where
    Row: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let rows = sqlx::query_as::<_, Row>(query).fetch_all(db).await;
    rows.map_err(|source| RegistryError::Database { what: "read", source })
}

fn read<T: DeserializeOwned>(kind: &'static str, id: String, body: &str) -> Result<Arc<T>, RegistryError> {
    parse(kind, id, body).map(Arc::new)
}

pub(crate) fn parse<T: DeserializeOwned>(kind: &'static str, id: String, body: &str) -> Result<T, RegistryError> {
    serde_json::from_str(body).map_err(|source| RegistryError::Row { kind, id, source })
}

pub(crate) fn json(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).expect("domain objects have text keys and no failing serializer")
}
