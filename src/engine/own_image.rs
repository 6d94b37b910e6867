//! Images that vv makes of itself: of stand-ins and of helpers, one for each version of vv.

use std::time::Duration;

use super::{Engine, EngineError};

/// One that was made more lately than this may be another process's, which is about to use it.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Builds it from a tar that holds a Dockerfile. Older ones of its repository that no container uses go.
pub async fn build(engine: &dyn Engine, image: &str, tar: Vec<u8>) -> Result<(), EngineError> {
    engine.build_tar(image, tar).await?;
    // What stays takes room on the disk and harms nothing.
    let _ = engine.prune_images(image, FRESH).await;
    Ok(())
}
