//! Marks say what a repeated call does; not all go together, and not all are there yet.

use terrace::{CallError, Cx};

#[terrace::component]
trait Marked {
    #[call(read, once)]
    async fn read_once(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(idempotent, read)]
    async fn read_idempotent(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(once)]
    #[call(idempotent)]
    async fn once_idempotent(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(read, read)]
    async fn twice(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(read, hedge)]
    async fn hedged(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(read, cached = "5m", tags("list"))]
    async fn cached(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(allow = "Site")]
    async fn allowed(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(reed)]
    async fn near(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(eventually)]
    async fn far(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(key = woner)]
    async fn keyed(&self, cx: &Cx, owner: String, name: String) -> Result<(), CallError>;
    #[call(key = owner)]
    async fn keyless(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(key = "owner")]
    async fn quoted(&self, cx: &Cx, owner: String) -> Result<(), CallError>;
    #[call(deadline = "30")]
    async fn unitless(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(deadline = "soon")]
    async fn wordy(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(deadline = "0s")]
    async fn instant(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(deadline = "9999999999999999h")]
    async fn endless(&self, cx: &Cx) -> Result<(), CallError>;
    #[call(deadline = 30)]
    async fn number(&self, cx: &Cx) -> Result<(), CallError>;
    #[call = "read"]
    async fn pair(&self, cx: &Cx) -> Result<(), CallError>;
}

fn main() {}
