//! The Parquet files of segments as the engine names and opens them: relative to the data directory, whatever its own path
//! is made of, with their parsed footers from a bounded cache.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use datafusion::common::internal_datafusion_err;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path as Location;

use crate::limits;

/// Under which name the engine knows the data directory.
const STORE: &str = "tachograph://data";

/// Opens the files of one data directory.
#[derive(Clone)]
pub(crate) struct ReaderFactory {
    root: Arc<Path>,
    factory: Arc<CachedParquetFileReaderFactory>,
}

impl ReaderFactory {
    /// The files under `root`, an absolute path. Only what lies under it can be named: a path with spaces, percent signs,
    /// line breaks or bytes that are no text never becomes part of a URL.
    pub(crate) fn new(root: &Path, runtime: &RuntimeEnv) -> Result<Self> {
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(root)?);
        runtime.register_object_store(Self::store()?.as_ref(), Arc::clone(&store));
        let cache = runtime.cache_manager.get_file_metadata_cache();
        Ok(Self { root: root.into(), factory: Arc::new(CachedParquetFileReaderFactory::new(store, cache)) })
    }

    /// Where the engine looks the files up.
    pub(crate) fn store() -> Result<ObjectStoreUrl> {
        ObjectStoreUrl::parse(STORE)
    }

    /// The factory itself.
    pub(crate) fn factory(&self) -> Arc<dyn ParquetFileReaderFactory> {
        Arc::clone(&self.factory) as Arc<dyn ParquetFileReaderFactory>
    }

    /// A file of a segment, with its size in bytes, as the engine names it.
    pub(crate) fn file(&self, (path, bytes): &(std::path::PathBuf, u64)) -> Result<PartitionedFile> {
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        let name =
            name.ok_or_else(|| internal_datafusion_err!("{} does not lie in {}", path.display(), self.root.display()))?;
        let mut file = PartitionedFile::new(String::new(), *bytes).with_metadata_size_hint(limits::METADATA_READ_BYTES);
        file.object_meta.location = Location::parse(name)?;
        Ok(file)
    }
}

impl fmt::Debug for ReaderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderFactory").field("root", &self.root).finish_non_exhaustive()
    }
}
