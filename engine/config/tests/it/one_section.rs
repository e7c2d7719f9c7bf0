//! Files that hold objects of one section.

use config::{Format, Secrets};

fn names(text: &str, format: Format) -> Result<Vec<String>, String> {
    let loaded = config::parse_section(text, format, "file", "projects", Secrets::Placeholder);
    let loaded = loaded.map_err(|faults| faults.to_string())?;
    Ok(loaded.desired.projects.into_iter().map(|project| project.name).collect())
}

#[test]
fn object_may_stand_bare_or_under_its_section() {
    for (text, format) in [
        ("name = \"web\"", Format::Toml),
        ("[[projects]]\nname = \"web\"", Format::Toml),
        ("name: web", Format::Yaml),
        ("projects:\n  - name: web", Format::Yaml),
        ("{\"name\": \"web\"}", Format::Yaml),
    ] {
        assert_eq!(names(text, format), Ok(vec!["web".to_owned()]), "{text}");
    }
}

#[test]
fn fault_of_a_bare_object_is_told_at_its_line() {
    let fault = names("name = \"web\"\npolcy = \"support\"", Format::Toml).unwrap_err();
    assert!(fault.starts_with("file:2:") && fault.contains("polcy"), "{fault}");
}

#[test]
fn other_sections_are_refused() {
    let fault = names("[[projects]]\nname = \"web\"\n[[keys]]\nname = \"k\"", Format::Toml).unwrap_err();
    assert!(fault.contains("reads `projects` only"), "{fault}");
}
