//! The names by which runs, and what is made for them, are found.
//!
//! They are stored in clusters and ledgers: changing one orphans what carries the old one.

/// API group of the custom resource.
pub const GROUP: &str = "chancery.dev";

/// API version of the custom resource, within [`GROUP`].
pub const VERSION: &str = "v1alpha1";

/// `apiVersion` of a manifest: [`GROUP`]`/`[`VERSION`].
pub const API_VERSION: &str = "chancery.dev/v1alpha1";

/// `kind` of a manifest.
pub const KIND: &str = "SigningRun";

/// Plural of [`KIND`], as in `kubectl get signingruns` and in RBAC rules.
pub const PLURAL: &str = "signingruns";

/// Namespace of a manifest that names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Longest name of a run, in characters: a pod of its Job adds up to eleven to the name,
/// and the host name of a pod may have 63.
pub const MAX_NAME_LENGTH: usize = 52;

/// Field manager of every server-side apply that the operator makes.
pub const FIELD_MANAGER: &str = "chancery-operator";

/// Finalizer that holds a deleted run until its `deletionPolicy` is carried out.
pub const FINALIZER: &str = "chancery.dev/cleanup";

/// Label: the name of the run that an object belongs to.
pub const LABEL_RUN: &str = "chancery.dev/run";

/// Label: the application, always [`APP_NAME`].
pub const LABEL_NAME: &str = "app.kubernetes.io/name";

/// Label: the instance of the application; for what belongs to a run, the run's name.
pub const LABEL_INSTANCE: &str = "app.kubernetes.io/instance";

/// Label: the part of the application, such as [`COMPONENT_SIGNER`].
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";

/// Label: what manages the object, for everything applied by the operator
/// [`FIELD_MANAGER`].
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`LABEL_NAME`].
pub const APP_NAME: &str = "chancery";

/// Value of [`LABEL_COMPONENT`] on signer Jobs and their pods.
pub const COMPONENT_SIGNER: &str = "signer";
