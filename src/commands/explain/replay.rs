//! `signalbox explain --replay REQUEST_ID`: makes a recorded decision again and tells what differs.

use anyhow::Context;
use proto::pb::admin::v1 as pb;
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::output;
use crate::server_link::ServerLink;

/// Fails unless the two are identical.
pub(super) async fn run(request: &str, as_json: bool, mut server: ServerLink) -> anyhow::Result<Exit> {
    let found = server.replay(pb::ReplayRequest { organisation: None, request: request.to_owned() }).await?;
    let recorded = decision(&found.recorded_json)?;
    let replayed = decision(&found.replayed_json)?;
    if as_json {
        output::json(&json!({
            "request": request,
            "identical": found.identical,
            "fault": found.fault,
            "recorded": recorded,
            "replayed": replayed,
        }))?;
    } else if let Some(fault) = &found.fault {
        output::line(format!("cannot be replayed: {fault}"))?;
    } else if found.identical {
        output::line("identical")?;
    } else {
        for difference in differences(recorded.as_ref(), replayed.as_ref()) {
            output::line(difference)?;
        }
    }
    Ok(if found.identical { Exit::Done } else { Exit::Failed })
}

fn decision(json: &[u8]) -> anyhow::Result<Option<Map<String, Value>>> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(json).context("the server sent a record that cannot be read")
}

/// The members that differ, each with both values.
fn differences(recorded: Option<&Map<String, Value>>, replayed: Option<&Map<String, Value>>) -> Vec<String> {
    let (none, null) = (Map::new(), Value::Null);
    let (recorded, replayed) = (recorded.unwrap_or(&none), replayed.unwrap_or(&none));
    let added = replayed.keys().filter(|member| !recorded.contains_key(*member));
    let of = |map: &'_ Map<String, Value>, member: &String| map.get(member).unwrap_or(&null).to_string();
    let pairs = recorded.keys().chain(added).map(|member| (member, of(recorded, member), of(replayed, member)));
    let different = pairs.filter(|(_, recorded, replayed)| recorded != replayed);
    different.map(|(member, recorded, replayed)| format!("{member}: recorded {recorded}, now {replayed}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_differ_are_told_with_both_values() {
        let read = |json: &str| -> Map<String, Value> { serde_json::from_str(json).unwrap() };
        let recorded = read(r#"{"policy": "a", "strategy": "split", "complexity": 0.5}"#);
        let replayed = read(r#"{"policy": "b", "strategy": "split", "rule": "r"}"#);
        let expected = [
            "complexity: recorded 0.5, now null",
            r#"policy: recorded "a", now "b""#,
            r#"rule: recorded null, now "r""#,
        ];
        assert_eq!(differences(Some(&recorded), Some(&replayed)), expected);
        assert!(differences(Some(&recorded), Some(&recorded)).is_empty());
    }
}
