//! One DataFusion session per query: the tables of one snapshot for one principal, and the settings that hold for all.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider, SchemaProvider,
    TableProvider,
};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::datasource::ViewTable;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use ledger::{LedgerError, LedgerName, Part, Snapshot, Table, arrow_schema};
use operations::access::Principal;

use crate::checked_sum::CheckedSum;
use crate::compute::{self, ComputeTable, Rates};
use crate::error::{QueryError, missing_column};
use crate::growth;
use crate::guard::{Cancel, guard};
use crate::inventory;
use crate::limits;
use crate::operators::{Operators, json_has_key, json_texts};
use crate::overlap::OverlapBounds;
use crate::statement;
use crate::table::{ContentUse, Layout, LedgerTable, ProjectedTable, Projections, ReaderFactory};
use crate::tellers;
use crate::views::{self, Source, View};

const CATALOG: &str = "tachograph";
const SCHEMA: &str = "public";

/// Functions that make values of any size out of nothing. The memory of expressions is not accounted for, so they are out.
const AMPLIFIERS: [&str; 9] = [
    "repeat",
    "lpad",
    "rpad",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
];

/// What all sessions share: functions, settings, the cache of parsed footers.
pub(crate) struct Sessions {
    state: SessionState,
    runtime: RuntimeEnv,
    readers: ReaderFactory,
    /// What alerts amount to, and what agents do now.
    projections: Projections,
    /// What workspaces cost.
    rates: Rates,
}

/// A planned query.
pub(crate) struct Planned {
    /// The plan to execute.
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    /// The session that it belongs to.
    pub(crate) state: SessionState,
    /// The content columns that it reads, as `events.command`.
    pub(crate) content: Vec<String>,
    /// Stops it.
    pub(crate) cancel: Cancel,
}

impl Sessions {
    /// Prepares sessions over the ledgers in the data directory `root`, whose plans run in `partitions` parts. What alerts amount
    /// to and what agents do is asked of `projections`, what workspaces cost of `rates`.
    pub(crate) fn new(
        partitions: usize,
        root: &Path,
        projections: Projections,
        rates: Rates,
    ) -> Result<Self, QueryError> {
        // Without a place to spill, a query that outgrows its memory fails; spilled content would outlive its erasure.
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .with_metadata_cache_limit(limits::METADATA_CACHE_BYTES)
            .build()
            .map_err(QueryError::from_engine)?;
        let mut config = SessionConfig::new()
            .with_target_partitions(partitions)
            .with_batch_size(limits::BATCH_ROWS)
            .with_information_schema(true)
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_collect_statistics(false);
        let options = config.options_mut();
        options.sql_parser.recursion_limit =
            ConfigNonZeroUsize::try_new(limits::SQL_DEPTH_MAX).map_err(QueryError::from_engine)?;
        // Errors say where in the statement a name stands.
        options.sql_parser.collect_spans = true;
        options.execution.parquet.schema_force_view_types = true;
        options.execution.parquet.metadata_size_hint = Some(limits::METADATA_READ_BYTES);
        // Decided for each scan by its shape, see `table/shape.rs`.
        options.execution.parquet.pushdown_filters = false;
        let mut builder = SessionStateBuilder::new().with_config(config).with_default_features();
        // The first that knows an operator plans it.
        builder.expr_planners().get_or_insert_default().insert(0, Arc::new(Operators));
        let mut state = builder.with_optimizer_rule(Arc::new(OverlapBounds)).build();
        datafusion_functions_json::register_all(&mut state).map_err(QueryError::from_engine)?;
        growth::bound(&mut state).map_err(QueryError::from_engine)?;
        let functions = [json_texts(), json_has_key(), tellers::teller()];
        for function in functions.into_iter().chain(inventory::functions()) {
            state.register_udf(Arc::new(function)).map_err(QueryError::from_engine)?;
        }
        for name in AMPLIFIERS {
            state.deregister_udf(name).map_err(QueryError::from_engine)?;
        }
        let sum = CheckedSum::new(state.udaf("sum").map_err(QueryError::from_engine)?);
        for function in [AggregateUDF::from(sum), AggregateUDF::from(tellers::SumCounted::default())] {
            state.register_udaf(Arc::new(function)).map_err(QueryError::from_engine)?;
        }
        let readers = ReaderFactory::new(root, &runtime).map_err(QueryError::from_engine)?;
        Ok(Self { state, runtime, readers, projections, rates })
    }

    /// Plans a statement over a snapshot of each ledger that it reads, which `snapshot` takes.
    pub(crate) async fn plan(
        &self,
        statement: Statement,
        principal: &Principal,
        snapshot: impl Fn(LedgerName) -> Result<Snapshot, LedgerError>,
    ) -> Result<Planned, QueryError> {
        let content_use = ContentUse::default();
        let schema = Arc::new(MemorySchemaProvider::new());
        let read = ledgers(&self.state, &statement)?;
        for name in LedgerName::ALL.into_iter().filter(|name| principal.may_read(*name)) {
            // Nothing of a ledger is read for a statement that does not name it; its columns are known without.
            let snapshot = read.contains(&name).then(|| snapshot(name)).transpose()?.map(Arc::new);
            let layout = Layout::new(name, &arrow_schema(Table::of(name)), principal.content);
            let table = LedgerTable::new(layout, snapshot, content_use.clone(), self.readers.clone());
            schema.register_table(name.as_str().to_owned(), Arc::new(table)).map_err(QueryError::from_engine)?;
        }
        let state = self.state(&schema)?;
        check_tables(&state, &statement, principal)?;
        for view in wanted_views(&state, &statement)?.into_iter().filter(|view| principal.may_read(view.ledger)) {
            let table: Arc<dyn TableProvider> = if let Some(sql) = view.sql(principal.content) {
                let plan = state.create_logical_plan(&sql).await.map_err(QueryError::from_engine)?;
                Arc::new(ViewTable::new(plan, Some(sql)))
            } else if view.source == Source::Compute {
                let input = state.create_logical_plan(compute::INPUT).await.map_err(QueryError::from_engine)?;
                Arc::new(ComputeTable::new(view, input, self.rates.current()))
            } else {
                let (projections, used) = (self.projections.clone(), content_use.clone());
                Arc::new(ProjectedTable::new(view, projections, principal.content, used))
            };
            schema.register_table(view.name.to_owned(), table).map_err(QueryError::from_engine)?;
        }
        let planned = state.statement_to_plan(statement).await;
        let logical =
            planned.map_err(|error| denied(&error, principal).unwrap_or_else(|| QueryError::from_engine(error)))?;
        statement::check_plan(&logical)?;
        let plan = state.create_physical_plan(&logical).await.map_err(QueryError::from_engine)?;
        let cancel = Cancel::default();
        let plan = guard(plan, &cancel).map_err(QueryError::from_engine)?;
        let content = if statement::runs_nothing(&logical) { Vec::new() } else { content_use.columns() };
        Ok(Planned { plan, state, content, cancel })
    }

    /// A session with its own memory, over the shared caches.
    fn state(&self, schema: &Arc<MemorySchemaProvider>) -> Result<SessionState, QueryError> {
        let catalog = MemoryCatalogProvider::new();
        let schema: Arc<dyn SchemaProvider> = Arc::clone(schema) as Arc<dyn SchemaProvider>;
        catalog.register_schema(SCHEMA, schema).map_err(QueryError::from_engine)?;
        let catalogs = Arc::new(MemoryCatalogProviderList::new());
        datafusion::catalog::CatalogProviderList::register_catalog(
            catalogs.as_ref(),
            CATALOG.to_owned(),
            Arc::new(catalog),
        );
        let consumers = std::num::NonZeroUsize::MIN.saturating_add(4);
        let pool = TrackConsumersPool::new(GreedyMemoryPool::new(limits::QUERY_MEMORY_BYTES), consumers);
        let runtime = RuntimeEnvBuilder::from_runtime_env(&self.runtime)
            .with_memory_pool(Arc::new(pool))
            .build_arc()
            .map_err(QueryError::from_engine)?;
        let builder = SessionStateBuilder::new_from_existing(self.state.clone());
        let mut state = builder.with_catalog_list(catalogs).with_runtime_env(runtime).build();
        // `now()` is one moment for the whole query.
        state.mark_start_execution();
        Ok(state)
    }
}

/// Whether the principal's roles reach anything at all.
pub(crate) fn may_ask(principal: &Principal) -> Result<(), QueryError> {
    if LedgerName::ALL.iter().any(|ledger| principal.may_read(*ledger)) {
        return Ok(());
    }
    Err(QueryError::TableDenied { table: "anything".to_owned(), principal: principal.name.clone() })
}

/// The tables and views by name, each with the ledger that it reads.
fn known() -> impl Iterator<Item = (&'static str, LedgerName)> {
    let tables = LedgerName::ALL.into_iter().map(|ledger| (ledger.as_str(), ledger));
    tables.chain(views::ALL.iter().map(|view| (view.name, view.ledger)))
}

/// The ledgers whose rows a statement reads, itself or through views.
fn ledgers(state: &SessionState, statement: &Statement) -> Result<Vec<LedgerName>, QueryError> {
    let references = state.resolve_table_references(statement).map_err(QueryError::from_engine)?;
    let named = |name: &str| references.iter().any(|reference| reference.table() == name);
    let tables = LedgerName::ALL.into_iter().filter(|ledger| named(ledger.as_str()));
    let of_views = views::ALL.iter().filter(|view| view.source.is_table() && named(view.name));
    Ok(tables.chain(of_views.map(|view| view.ledger)).collect())
}

/// Refuses tables and views that the principal's roles do not reach.
fn check_tables(state: &SessionState, statement: &Statement, principal: &Principal) -> Result<(), QueryError> {
    let denied = |table: &str| QueryError::TableDenied { table: table.to_owned(), principal: principal.name.clone() };
    for reference in state.resolve_table_references(statement).map_err(QueryError::from_engine)? {
        let ledger = known().find(|(name, _)| *name == reference.table()).map(|(_, ledger)| ledger);
        if ledger.is_some_and(|ledger| !principal.may_read(ledger)) {
            return Err(denied(reference.table()));
        }
    }
    Ok(())
}

/// The views that a statement needs: those that it names, or all where it asks what there is.
fn wanted_views(state: &SessionState, statement: &Statement) -> Result<Vec<&'static View>, QueryError> {
    let references = state.resolve_table_references(statement).map_err(QueryError::from_engine)?;
    let names_all = references.iter().any(|reference| reference.schema() == Some("information_schema"));
    let is_query = matches!(statement, Statement::Statement(sql) if matches!(sql.as_ref(), datafusion::sql::sqlparser::ast::Statement::Query(_)));
    let named = |view: &View| references.iter().any(|reference| reference.table() == view.name);
    Ok(views::ALL.iter().filter(|view| names_all || !is_query || named(view)).collect())
}

/// The refusal behind a column that was not found because the principal may not read content.
fn denied(error: &datafusion::error::DataFusionError, principal: &Principal) -> Option<QueryError> {
    let column = missing_column(error).filter(|_| !principal.content)?;
    let of_table = LedgerName::ALL
        .iter()
        .any(|name| Table::of(*name).by_name(column).is_some_and(|found| found.part == Part::Content));
    let of_view = views::ALL.iter().flat_map(|view| view.columns).any(|found| found.name == column && found.content);
    (of_table || of_view)
        .then(|| QueryError::ContentDenied { column: column.to_owned(), principal: principal.name.clone() })
}
