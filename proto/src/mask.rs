//! Field masks: the fields of an object that a change is about, laid over the object as it is.
//!
//! Works on any kind of object by its descriptor, so that a new field needs no code here. A path names a field of the
//! object's message, or a field of a message within it (`pricing.prompt`); lists and maps are replaced whole. What the
//! server gives is out of reach.

use std::sync::LazyLock;

use domain::ObjectKind;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};
use prost_types::FieldMask;

use crate::ConvertError;
use crate::pb::object::v1 as pb;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(crate::DESCRIPTOR_SET).expect("the descriptors were compiled with this"));

/// A mask of these fields.
pub fn of(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }
}

/// The fields of a kind of object that the server gives.
pub fn given(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Pepper => &["sealed"],
        ObjectKind::Organisation => &["id"],
        ObjectKind::Provider => &["slug", "organisation"],
        ObjectKind::Project | ObjectKind::Model | ObjectKind::Scorecard | ObjectKind::Router => &["id", "organisation"],
        ObjectKind::Blend | ObjectKind::Policy => &["id", "organisation", "version"],
        ObjectKind::Credential => &["id", "organisation", "provider", "version", "sealed", "hint"],
        ObjectKind::Key => &["id", "organisation", "hash", "hint", "revoked_at_micros", "created_at_micros"],
    }
}

/// Returns the object as held, with the fields of the mask as wanted; without a mask, with every field as wanted that
/// the server does not give.
///
/// # Errors
/// The objects are of different kinds, or the mask names what is no field, what is within a list, or what the server
/// gives; all such paths are told.
pub fn overlay(
    kind: ObjectKind,
    held: &pb::Object,
    wanted: &pb::Object,
    mask: Option<&FieldMask>,
) -> Result<pb::Object, Vec<ConvertError>> {
    let (mut target, from) = (dynamic(held), dynamic(wanted));
    let field = field_of(kind, &target);
    if !from.has_field(&field) {
        return Err(vec![ConvertError::new("object", format_args!("is not a {kind}: give the {kind} as it shall be"))]);
    }
    let from = from.get_field(&field);
    let (Some(from), Some(to)) = (from.as_message(), target.get_field_mut(&field).as_message_mut()) else {
        return Err(vec![ConvertError::new("object", "holds no message")]);
    };
    for path in paths(kind, &to.descriptor(), mask)? {
        copy(&path.iter().map(String::as_str).collect::<Vec<_>>(), Some(from), to);
    }
    Ok(typed(&target))
}

/// Returns a new object with what the server gives put in; whoever asks for the object leaves that empty.
///
/// # Errors
/// The object is of another kind, or brings what the server gives.
pub fn complete(
    kind: ObjectKind,
    wanted: &pb::Object,
    gifts: &[(&str, &str)],
) -> Result<pb::Object, Vec<ConvertError>> {
    let mut object = dynamic(wanted);
    let field = field_of(kind, &object);
    if !object.has_field(&field) {
        return Err(vec![ConvertError::new("object", format_args!("is missing or not a {kind}: give the new {kind}"))]);
    }
    let Some(message) = object.get_field_mut(&field).as_message_mut() else {
        return Err(vec![ConvertError::new("object", "holds no message")]);
    };
    let mut faults = Vec::new();
    for (name, value) in gifts {
        if message.has_field_by_name(name) {
            faults.push(ConvertError::new(*name, "is given by the server: leave it empty"));
        } else {
            message.set_field_by_name(name, Value::String((*value).to_owned()));
        }
    }
    if faults.is_empty() { Ok(typed(&object)) } else { Err(faults) }
}

fn dynamic(object: &pb::Object) -> DynamicMessage {
    let descriptor = POOL.get_message_by_name("object.v1.Object").expect("object.proto has it");
    DynamicMessage::decode(descriptor, object.encode_to_vec().as_slice()).expect("it was encoded as such a message")
}

fn typed(object: &DynamicMessage) -> pb::Object {
    object.transcode_to().expect("it has the descriptor of such a message")
}

/// The field of `Object` that holds a kind; its name is the kind's.
fn field_of(kind: ObjectKind, object: &DynamicMessage) -> FieldDescriptor {
    object.descriptor().get_field_by_name(kind.as_str()).expect("there is a field for each kind of object")
}

/// The paths of a mask in parts, or all of them.
fn paths(
    kind: ObjectKind,
    message: &MessageDescriptor,
    mask: Option<&FieldMask>,
) -> Result<Vec<Vec<String>>, Vec<ConvertError>> {
    let given = given(kind);
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        let open = message.fields().filter(|field| !given.contains(&field.name()));
        return Ok(open.map(|field| vec![field.name().to_owned()]).collect());
    };
    let mut faults = Vec::new();
    let mut paths: Vec<Vec<String>> = Vec::new();
    for (index, path) in mask.paths.iter().enumerate() {
        let parts: Vec<_> = path.split('.').map(str::to_owned).collect();
        match check(given, message, &parts) {
            Err(fault) => {
                faults
                    .push(ConvertError::new(format!("update_mask.paths[{index}]"), format_args!("`{path}`: {fault}")));
            }
            Ok(()) => paths.push(parts),
        }
    }
    if faults.is_empty() { Ok(paths) } else { Err(faults) }
}

fn check(given: &[&str], message: &MessageDescriptor, path: &[String]) -> Result<(), String> {
    if path.first().is_some_and(|first| given.contains(&first.as_str())) {
        return Err("is given by the server and cannot be changed; leave it out of the mask".to_owned());
    }
    let mut message = message.clone();
    for (depth, name) in path.iter().enumerate() {
        let field = message.get_field_by_name(name).ok_or_else(|| unknown(&message, name))?;
        if depth + 1 == path.len() {
            break;
        }
        let inner = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => inner,
            _ => return Err(format!("`{name}` is replaced whole; name it without what stands after it")),
        };
        message = inner;
    }
    Ok(())
}

fn unknown(message: &MessageDescriptor, name: &str) -> String {
    let names: Vec<_> = message.fields().map(|field| field.name().to_owned()).collect();
    let nearest = names.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    match nearest {
        Some(nearest) => {
            format!("a {} has no field `{name}`; the nearest is `{nearest}`", message.name().to_lowercase())
        }
        None => format!("a {} has no fields", message.name().to_lowercase()),
    }
}

/// Makes one field as it is elsewhere; one that is not set there is cleared.
fn copy(path: &[&str], from: Option<&DynamicMessage>, to: &mut DynamicMessage) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some(field) = to.descriptor().get_field_by_name(first) else { return };
    let source = from.filter(|from| from.has_field(&field)).map(|from| from.get_field(&field));
    if rest.is_empty() {
        match source {
            Some(value) => to.set_field(&field, value.into_owned()),
            None => to.clear_field(&field),
        }
        return;
    }
    // A message that neither side has stays away: making it, empty, would be a change.
    if (source.is_some() || to.has_field(&field))
        && let Some(inner) = to.get_field_mut(&field).as_message_mut()
    {
        copy(rest, source.as_deref().and_then(Value::as_message), inner);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pb::object::v1::object::Object as Oneof;

    fn object(model: pb::Model) -> pb::Object {
        pb::Object { object: Some(Oneof::Model(model)) }
    }

    fn masked(held: &pb::Model, wanted: &pb::Model, paths: &[&str]) -> Result<pb::Model, Vec<ConvertError>> {
        let found = overlay(ObjectKind::Model, &object(held.clone()), &object(wanted.clone()), Some(&of(paths)))?;
        match found.object {
            Some(Oneof::Model(model)) => Ok(model),
            other => panic!("{other:?} is no model"),
        }
    }

    #[track_caller]
    fn refused(paths: &[&str], why: &str) {
        let faults = masked(&pb::Model::default(), &pb::Model::default(), paths).expect_err("is refused");
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(told.join("\n").contains(why), "{told:?}");
    }

    #[test]
    fn path_that_is_no_field_is_refused_with_the_nearest() {
        refused(
            &["enabeld"],
            "update_mask.paths[0]: `enabeld`: a model has no field `enabeld`; the nearest is `enabled`",
        );
        refused(&["enabled", "pricing.promt"], "update_mask.paths[1]: `pricing.promt`: a pricing has no field `promt`");
        refused(&[""], "has no field ``");
        refused(&["id"], "given by the server");
        refused(&["capabilities.tools"], "replaced whole");
        refused(&["native.x"], "replaced whole");
    }

    #[test]
    fn object_of_another_kind_is_refused() {
        let router = pb::Object { object: Some(Oneof::Router(pb::Router::default())) };
        let faults = overlay(ObjectKind::Model, &object(pb::Model::default()), &router, None).expect_err("is refused");
        assert!(faults[0].to_string().starts_with("object: is not a model"), "{faults:?}");
    }

    #[test]
    fn another_strategy_takes_the_place_of_the_one_before() {
        use pb::strategy::{Intelligent, Single, Strategy};
        let policy = |strategy| pb::Object {
            object: Some(Oneof::Policy(pb::Policy {
                strategy: Some(pb::Strategy { strategy: Some(strategy) }),
                ..pb::Policy::default()
            })),
        };
        let (held, wanted) = (
            policy(Strategy::Intelligent(Intelligent { axis: 1 })),
            policy(Strategy::Single(Single { model: "a/b".to_owned() })),
        );
        let found = overlay(ObjectKind::Policy, &held, &wanted, Some(&of(&["strategy.single.model"])));
        assert_eq!(found, Ok(wanted.clone()));
        let found = overlay(ObjectKind::Policy, &held, &wanted, Some(&of(&["strategy.blend.blend"])));
        assert_eq!(found, Ok(held));
    }

    #[test]
    fn what_the_server_gives_is_put_in_and_not_taken() {
        let wanted = pb::Project { name: "p".to_owned(), ..pb::Project::default() };
        let gifts = [("id", "prj_1"), ("organisation", "org_1")];
        let of = |project: &pb::Project| pb::Object { object: Some(Oneof::Project(project.clone())) };
        let whole = pb::Project { id: "prj_1".to_owned(), organisation: "org_1".to_owned(), ..wanted.clone() };
        assert_eq!(complete(ObjectKind::Project, &of(&wanted), &gifts), Ok(of(&whole)));
        let faults = complete(ObjectKind::Project, &of(&whole), &gifts).expect_err("is refused");
        assert_eq!(faults[0].to_string(), "id: is given by the server: leave it empty");
        assert_eq!(faults.len(), 2);
    }

    fn model() -> impl Strategy<Value = pb::Model> {
        let pricing = (any::<Option<u8>>(), any::<Option<u8>>());
        (
            any::<bool>(),
            any::<Option<u64>>(),
            prop::option::of(pricing),
            prop::collection::vec(1..8_i32, 0..3),
            "[a-c]{0,2}",
        )
            .prop_map(|(enabled, context_length, pricing, capabilities, native)| pb::Model {
                id: "acme/m".to_owned(),
                enabled,
                context_length,
                pricing: pricing.map(|(prompt, completion)| pb::Pricing {
                    prompt: prompt.map(|it| it.to_string()),
                    completion: completion.map(|it| it.to_string()),
                    ..pb::Pricing::default()
                }),
                capabilities,
                native,
                ..pb::Model::default()
            })
    }

    const PATHS: [&str; 6] =
        ["enabled", "context_length", "pricing.prompt", "pricing.completion", "capabilities", "native"];

    /// What stands at a path of [`PATHS`].
    fn at(model: &pb::Model, path: &str) -> String {
        let price = |of: fn(&pb::Pricing) -> &Option<String>| model.pricing.as_ref().and_then(|it| of(it).clone());
        match path {
            "enabled" => format!("{:?}", model.enabled),
            "context_length" => format!("{:?}", model.context_length),
            "pricing.prompt" => format!("{:?}", price(|it| &it.prompt)),
            "pricing.completion" => format!("{:?}", price(|it| &it.completion)),
            "capabilities" => format!("{:?}", model.capabilities),
            "native" => model.native.clone(),
            other => panic!("{other} is none of the paths"),
        }
    }

    proptest! {
        #[test]
        fn masked_change_changes_the_masked_fields_and_no_others(
            held in model(), wanted in model(), chosen in prop::collection::vec(any::<bool>(), PATHS.len())
        ) {
            let chosen: Vec<_> = PATHS.into_iter().zip(chosen).filter_map(|(path, is)| is.then_some(path)).collect();
            prop_assume!(!chosen.is_empty());
            let found = masked(&held, &wanted, &chosen).expect("the paths are fine");
            for path in PATHS {
                let expected = if chosen.contains(&path) { &wanted } else { &held };
                prop_assert_eq!(at(&found, path), at(expected, path), "{}", path);
            }
            prop_assert_eq!(masked(&found, &wanted, &chosen), Ok(found));
        }

        #[test]
        fn without_a_mask_every_field_is_as_wanted(held in model(), wanted in model()) {
            let found = overlay(ObjectKind::Model, &object(held), &object(wanted.clone()), None);
            prop_assert_eq!(found, Ok(object(wanted)));
        }
    }
}
