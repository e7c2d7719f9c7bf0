//! A file that an earlier release wrote is brought up to date, and everything in it is found again.

use domain::ObjectKind;
use registry::{Page, Registry, Terms};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Executor, SqlSafeStr};

use crate::story::{Story, keyring};

const FIRST: &str = include_str!("../../migrations/0001_registry.sql");
/// Every table of the first schema, those that others refer to first.
const TABLES: [&str; 11] = [
    "registry",
    "settings",
    "organisations",
    "policies",
    "projects",
    "providers",
    "credentials",
    "models",
    "routers",
    "keys",
    "changes",
];

/// Writes a file as the first release did, with the rows of a story.
async fn written_by_the_first_release(story: &Story) -> std::path::PathBuf {
    story.registry.close().await;
    let path = story.folder.path().join("old.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let migration = Migration::new(1, "registry".into(), MigrationType::Simple, FIRST.into_sql_str(), false);
    Migrator::with_migrations(vec![migration]).run(&pool).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let attach = sqlx::query("ATTACH DATABASE ?1 AS new").bind(story.path().display().to_string());
    attach.execute(&mut *connection).await.unwrap();
    for table in TABLES {
        let copy = format!("INSERT INTO {table} SELECT * FROM new.{table}");
        connection.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    for forget in [
        "UPDATE policies SET body = json_remove(body, '$.version')",
        "UPDATE credentials SET body = json_remove(body, '$.owner', '$.kind', '$.weight')",
        "UPDATE routers SET body = json_remove(body, '$.credentials')",
    ] {
        connection.execute(forget).await.unwrap();
    }
    drop(connection);
    pool.close().await;
    path
}

#[tokio::test]
async fn file_of_the_first_release_keeps_everything_and_can_be_rolled_back_and_replayed() {
    let story = Story::furnished().await;
    let (organisation, before) = (story.organisation.clone(), story.registry.snapshot());
    let path = written_by_the_first_release(&story).await;
    let registry = Registry::open(&path, keyring()).await.unwrap();
    assert_eq!(*registry.snapshot(), *before);

    let versions = registry.versions(&organisation, ObjectKind::Policy, "support", Page::default()).await.unwrap();
    let told: Vec<_> = versions.iter().map(|it| (it.number, it.actor.to_string(), it.object.clone())).collect();
    let policy = registry.find(&organisation, ObjectKind::Policy, "support").unwrap();
    assert_eq!(told, [(1, "engine".to_owned(), policy)]);

    let revision = registry.version().revision;
    let then = registry.tenant_at(&organisation, revision).await.unwrap().unwrap();
    assert_eq!(
        (&then.models, &then.policies),
        (&before.tenants[&organisation].models, &before.tenants[&organisation].policies)
    );
    assert!(registry.tenant_at(&organisation, revision - 1).await.unwrap().is_none(), "before history was kept");

    let renamed = serde_json::json!({"policies": [{"name": "Help", "slug": "support", "default": true,
        "strategy": {"type": "split"}, "candidates": "all"}]});
    let desired = serde_json::from_value(renamed).unwrap();
    registry.apply(&organisation, &desired, false, Terms::operator()).await.unwrap();
    let saved = registry.rollback(&organisation, ObjectKind::Policy, "support", None, Terms::operator()).await.unwrap();
    assert_eq!(saved.object.name(), "Support");
    registry.close().await;
}
