//! Tests of prices: rates by counter, tier and length of the context, and tables of one's own.

use super::*;

/// Input, output, read from the cache, written to it.
fn tokens((input, output, cache_read, cache_write): (i64, i64, i64, i64)) -> Tokens {
    Tokens { input, output, cache_read, cache_write, billing: Billing::default() }
}

fn check(model: &str, counters: (i64, i64, i64, i64), expected: Option<u64>) {
    check_billed(model, counters, Billing::default(), expected);
}

fn check_billed(model: &str, counters: (i64, i64, i64, i64), billing: Billing, expected: Option<u64>) {
    let found = PriceTable::embedded().cost(model, Tokens { billing, ..tokens(counters) });
    assert_eq!(found.map(Money::as_micros), expected, "{model} {counters:?} {billing:?}");
}

#[test]
fn costs_are_whole_micros_cut_off_per_counter() {
    check("claude-sonnet-5", (10, 500, 18_001, 2_001), Some(30 + 7_500 + 5_400 + 7_503));
    check("claude-sonnet-5", (1_000_000, 0, 0, 0), Some(3_000_000));
    check("gpt-5.6-sol", (0, 1, 3, 0), Some(31));
    check("gemini-2.5-flash-lite", (9, 2, 0, 0), Some(0));
    check("no-such-model", (1, 1, 1, 1), None);
    check("", (1, 1, 1, 1), None);
    check("claude-sonnet-5", (-1, 1, 1, 1), None);
    check("claude-opus-4-1", (i64::MAX, i64::MAX, i64::MAX, i64::MAX), None);
}

#[test]
fn models_are_found_under_the_names_that_people_give_them() {
    for (model, micros) in [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 300_000),
        ("anthropic/claude-haiku-4.5", 100_000),
        ("claude-3.7-sonnet", 300_000),
        ("Claude 3.5 Haiku", 80_000),
        ("sonnet", 300_000),
        ("opus[1m]", 500_000),
        ("gpt-4o-2024-08-06", 250_000),
        ("GPT-5.4", 250_000),
        ("models/gemini-3-pro-preview", 200_000),
        ("gemini-2.5-flash-preview-2025-09-25", 30_000),
    ] {
        check(model, (100_000, 0, 0, 0), Some(micros));
    }
    check("é-2025-09-25", (1, 0, 0, 0), None);
}

#[test]
fn what_lives_an_hour_in_the_cache_costs_twice_the_input() {
    let hour = |cache_write_hour| Billing { cache_write_hour, ..Billing::default() };
    check_billed("claude-haiku-4-5", (0, 0, 0, 100_000), hour(100_000), Some(200_000));
    check_billed("claude-haiku-4-5", (0, 0, 0, 100_000), hour(40_000), Some(75_000 + 80_000));
    check_billed("claude-haiku-4-5", (0, 0, 0, 100_000), hour(0), Some(125_000));
    // More of an hour than there is at all is all of it; less than nothing is no number.
    check_billed("claude-haiku-4-5", (0, 0, 0, 100_000), hour(900_000), Some(200_000));
    check_billed("claude-haiku-4-5", (0, 0, 0, 100_000), hour(-1), None);
    check_billed("gpt-5.4", (0, 0, 0, 100_000), hour(100_000), Some(250_000));
}

#[test]
fn tiers_and_speed_have_rates_of_their_own() {
    let tier = |tier| Billing { tier, ..Billing::default() };
    check_billed("claude-sonnet-5", (100_000, 0, 0, 0), tier(Tier::Batch), Some(150_000));
    check_billed("gpt-5", (100_000, 10_000, 0, 0), tier(Tier::Flex), Some(62_500 + 50_000));
    check_billed("gpt-5", (100_000, 10_000, 0, 0), tier(Tier::Priority), Some(250_000 + 200_000));
    check_billed("gpt-4o", (100_000, 0, 0, 0), tier(Tier::Priority), Some(425_000));
    check_billed("claude-sonnet-5", (100_000, 0, 0, 0), tier(Tier::Priority), Some(300_000));
    let fast = Billing { fast: true, ..Billing::default() };
    check_billed("claude-opus-4-6", (100_000, 0, 0, 0), fast, Some(3_000_000));
    for (word, expected) in [
        ("batch", Tier::Batch),
        ("Flex", Tier::Flex),
        ("priority", Tier::Priority),
        ("standard", Tier::Standard),
        ("default", Tier::Standard),
        ("", Tier::Standard),
    ] {
        assert_eq!(Tier::of(word), expected, "{word}");
    }
}

#[test]
fn a_long_context_has_rates_of_its_own_from_the_first_token_beyond_it() {
    check("gemini-2.5-pro", (200_000, 1_000, 0, 0), Some(250_000 + 10_000));
    check("gemini-2.5-pro", (200_001, 1_000, 0, 0), Some(500_002 + 15_000));
    check("gemini-2.5-pro", (1, 1_000, 200_000, 0), Some(2 + 15_000 + 50_000));
    check("gpt-5.4", (272_001, 0, 0, 0), Some(1_360_005));
    check("claude-sonnet-5", (900_000, 0, 0, 0), Some(2_700_000));
}

#[test]
fn a_table_of_ones_own_replaces_the_built_in_one() {
    let text = "version = 'mine'\n[[price]]\nmodels = ['acme-1']\ninput = 1\noutput = 2\ncache_read = 3\ncache_write = 4000000\n\
                cache_write_hour = 9000000\nbatch_percent = 10\n\
                long = { above_tokens = 9, input = 5000000, output = 2, cache_read = 3, cache_write = 4 }\n\
                [[price]]\nmodels = ['acme-2-20260101']\ninput = 7000000\noutput = 0\ncache_read = 0\ncache_write = 0\n\
                [[price]]\nmodels = ['acme-2']\ninput = 8000000\noutput = 0\ncache_read = 0\ncache_write = 0\n";
    let table = PriceTable::parse(text).expect("well formed");
    let cost =
        |model, counters, billing| table.cost(model, Tokens { billing, ..tokens(counters) }).map(Money::as_micros);
    let standard = Billing::default();
    assert_eq!((table.version(), table.models()), ("mine", 3));
    assert_eq!(cost("acme-1", (0, 0, 0, 2), standard), Some(8));
    assert_eq!(cost("acme-1", (0, 0, 0, 2), Billing { cache_write_hour: 1, ..standard }), Some(4 + 9));
    assert_eq!(cost("acme-1", (0, 0, 0, 5), Billing { tier: Tier::Batch, ..standard }), Some(2));
    assert_eq!(cost("acme-1", (10, 0, 0, 0), standard), Some(50));
    assert_eq!(cost("acme-2-20260101", (1, 0, 0, 0), standard), Some(7), "its own price");
    assert_eq!(cost("router/acme-2@20270101", (1, 0, 0, 0), standard), Some(8), "that of the name without a date");
    assert_eq!(cost("claude-sonnet-5", (0, 0, 0, 0), standard), None);
    assert!(PriceTable::parse(EMBEDDED).expect("the built-in table is well formed").models() > 20);
}

#[test]
fn a_bad_table_is_refused_with_a_reason() {
    let price = "[[price]]\nmodels = ['m']\ninput = 1\noutput = 2\ncache_read = 3\ncache_write = 4\n";
    for (text, reason) in [
        ("version = ''".to_owned(), "version"),
        ("prices = 1\nversion = 'x'".to_owned(), "prices"),
        (format!("version = 'x'\n{price}{price}"), "two prices"),
        (format!("version = 'x'\n{}", price.replace("= 4", "= -4")), "negative"),
        (format!("version = 'x'\n{}", price.replace("= 4", "= 'free'")), "cache_write"),
        (format!("version = 'x'\n{price}batch_percent = -1"), "percent"),
        (format!("version = 'x'\n{price}long = {{ above_tokens = 1 }}"), "long"),
    ] {
        let error = PriceTable::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(reason), "{error}");
    }
}
