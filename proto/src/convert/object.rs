//! Objects, their names and changes.

use std::sync::Arc;

use domain::{Change, Object, ObjectKey, ObjectKind, SealedBytes};

use super::{ConvertError, closed, parse_optional, required, same_variants};
use crate::pb::object::v1 as pb;
use crate::pb::object::v1::change::Change as ChangeKind;
use crate::pb::object::v1::object::Object as Kind;

same_variants!(
    pb::ObjectKind,
    ObjectKind,
    [Pepper, Organisation, Project, Provider, Credential, Model, Scorecard, Blend, Policy, Router, Key]
);

impl From<&ObjectKey> for pb::ObjectKey {
    fn from(key: &ObjectKey) -> Self {
        Self {
            kind: pb::ObjectKind::from(key.kind).into(),
            organisation: key.organisation.as_ref().map(ToString::to_string),
            id: key.id.clone(),
        }
    }
}

impl TryFrom<pb::ObjectKey> for ObjectKey {
    type Error = ConvertError;
    fn try_from(key: pb::ObjectKey) -> Result<Self, ConvertError> {
        Ok(Self {
            kind: closed::<pb::ObjectKind, _>("kind", key.kind)?,
            organisation: parse_optional("organisation", key.organisation.as_deref())?,
            id: key.id,
        })
    }
}

impl From<&Object> for pb::Object {
    fn from(object: &Object) -> Self {
        let kind = match object {
            Object::Pepper(sealed) => Kind::Pepper(pb::Pepper { sealed: sealed.0.clone() }),
            Object::Organisation(it) => Kind::Organisation(it.as_ref().into()),
            Object::Project(it) => Kind::Project(it.as_ref().into()),
            Object::Provider(it) => Kind::Provider(it.as_ref().into()),
            Object::Credential(it) => Kind::Credential(it.as_ref().into()),
            Object::Model(it) => Kind::Model(it.as_ref().into()),
            Object::Scorecard(it) => Kind::Scorecard(it.as_ref().into()),
            Object::Blend(it) => Kind::Blend(it.as_ref().into()),
            Object::Policy(it) => Kind::Policy(it.as_ref().into()),
            Object::Router(it) => Kind::Router(it.as_ref().into()),
            Object::Key(it) => Kind::Key(it.as_ref().into()),
        };
        Self { object: Some(kind) }
    }
}

impl TryFrom<pb::Object> for Object {
    type Error = ConvertError;
    fn try_from(object: pb::Object) -> Result<Self, ConvertError> {
        fn read<M, D>(kind: ObjectKind, message: M, wrap: fn(Arc<D>) -> Object) -> Result<Object, ConvertError>
        where
            D: TryFrom<M, Error = ConvertError>,
        {
            D::try_from(message).map(|it| wrap(Arc::new(it))).map_err(|error| error.within(kind.as_str()))
        }
        match required("object", object.object)? {
            Kind::Pepper(it) => Ok(Self::Pepper(SealedBytes(it.sealed))),
            Kind::Organisation(it) => read(ObjectKind::Organisation, it, Self::Organisation),
            Kind::Project(it) => read(ObjectKind::Project, it, Self::Project),
            Kind::Provider(it) => read(ObjectKind::Provider, it, Self::Provider),
            Kind::Credential(it) => read(ObjectKind::Credential, it, Self::Credential),
            Kind::Model(it) => read(ObjectKind::Model, it, Self::Model),
            Kind::Scorecard(it) => read(ObjectKind::Scorecard, it, Self::Scorecard),
            Kind::Blend(it) => read(ObjectKind::Blend, it, Self::Blend),
            Kind::Policy(it) => read(ObjectKind::Policy, it, Self::Policy),
            Kind::Router(it) => read(ObjectKind::Router, it, Self::Router),
            Kind::Key(it) => read(ObjectKind::Key, it, Self::Key),
        }
    }
}

impl From<&Change> for pb::Change {
    fn from(change: &Change) -> Self {
        let kind = match change {
            Change::Put(object) => ChangeKind::Put(object.into()),
            Change::Delete(key) => ChangeKind::Delete(key.into()),
        };
        Self { change: Some(kind) }
    }
}

impl TryFrom<pb::Change> for Change {
    type Error = ConvertError;
    fn try_from(change: pb::Change) -> Result<Self, ConvertError> {
        match required("change", change.change)? {
            ChangeKind::Put(object) => object.try_into().map(Self::Put).map_err(|error| error.within("put")),
            ChangeKind::Delete(key) => key.try_into().map(Self::Delete).map_err(|error| error.within("delete")),
        }
    }
}
