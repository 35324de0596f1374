//! Refuses expressions beyond DynamoDB's own limits before the store parses them.
//!
//! Owns the limits on expressions and on the depth of a request, and DynamoDB's words for
//! them. Must not know what an expression means: the store, whose parser recurses once per
//! level and would overflow its stack, judges everything else.

use serde_json::Value;

/// Longest expression in bytes [CONS].
const EXPRESSION_BYTES_MAX: usize = 4096;
/// Longest `PartiQL` statement in characters (API reference, `Statement`).
const STATEMENT_CHARACTERS_MAX: usize = 8192;
/// Operators and functions in one expression [CONS].
const OPERATORS_MAX: usize = 300;
/// Levels of brackets. DynamoDB refuses redundant parentheses, so that each level needs an
/// operator or a function of its own and deeper nesting can never be valid.
const BRACKETS_MAX: usize = OPERATORS_MAX;

/// DynamoDB's message for values nested beyond 32 levels [CONS].
pub(super) const NESTING_MESSAGE: &str = "Nesting Levels have exceeded supported limits: \
    Attributes in the item have nested levels beyond supported limit";

/// The request fields that hold expressions. An attribute value is an object (`{"S": …}`), so
/// a *string* under one of these names is never an item's own attribute.
const EXPRESSION_FIELDS: [&str; 5] = [
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
];

/// Checks every expression and statement in `request`.
///
/// # Errors
///
/// The message of the `ValidationException` that DynamoDB answers.
pub(super) fn check(operation: &str, request: &Value) -> Result<(), String> {
    walk(request).map_err(|message| match operation {
        // These three report request validation in an envelope; the rest bare.
        "PutItem" | "UpdateItem" | "DeleteItem" => {
            format!("1 validation error detected: {message}")
        }
        _ => message,
    })
}

/// Recursion is bounded by the JSON parser, which refuses more than 127 levels.
fn walk(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match value {
            Value::String(text) if EXPRESSION_FIELDS.contains(&name.as_str()) => {
                check_expression(name, text)
            }
            Value::String(text) if name == "Statement" => check_statement(text),
            _ => walk(value),
        }),
        Value::Array(elements) => elements.iter().try_for_each(walk),
        _ => Ok(()),
    }
}

fn check_expression(field: &str, text: &str) -> Result<(), String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!(
            "Invalid {field}: Expression size has exceeded the maximum allowed size; \
             expression size: {}",
            text.len()
        ));
    }
    let shape = Shape::of(text, field == "UpdateExpression");
    if shape.open_at_end > 0 && shape.depth > BRACKETS_MAX {
        let last_two = text.char_indices().rev().take(2).last();
        let near = last_two.map_or("", |(at, _)| &text[at..]);
        return Err(format!(
            "Invalid {field}: Syntax error; token: \"<EOF>\", near: \"{near}\""
        ));
    }
    if shape.depth > BRACKETS_MAX {
        return Err(format!(
            "Invalid {field}: The expression has redundant parentheses;"
        ));
    }
    if shape.operators > OPERATORS_MAX {
        return Err(format!(
            "Invalid {field}: The expression contains too many operators; operator count: {}",
            shape.operators
        ));
    }
    Ok(())
}

fn check_statement(text: &str) -> Result<(), String> {
    let characters = text.chars().count();
    if characters > STATEMENT_CHARACTERS_MAX {
        return Err(format!(
            "1 validation error detected: Value at 'statement' failed to satisfy constraint: \
             Member must have length less than or equal to {STATEMENT_CHARACTERS_MAX}"
        ));
    }
    let shape = Shape::of(text, false);
    if shape.depth > BRACKETS_MAX {
        return Err(
            "Statement wasn't well formed, can't be processed: Nesting too deep".to_owned(),
        );
    }
    if shape.operators > OPERATORS_MAX {
        return Err(format!(
            "Statement contains too many operators; operator count: {}",
            shape.operators
        ));
    }
    Ok(())
}

/// What the limits ask of an expression, found without parsing it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    /// Operators and functions.
    operators: usize,
    /// Deepest level of brackets of any kind.
    depth: usize,
    /// Brackets still open at the end.
    open_at_end: usize,
}

impl Shape {
    /// Scans once. In an update expression `=` assigns and is no operator.
    fn of(text: &str, update: bool) -> Self {
        let bytes = text.as_bytes();
        let mut shape = Self::default();
        let mut open = 0usize;
        // `a BETWEEN b AND c` is one operator.
        let mut and_belongs_to_between = false;
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match byte {
                b'\'' | b'"' => at = after_quoted(bytes, at),
                b'(' | b'[' | b'{' => {
                    open += 1;
                    shape.depth = shape.depth.max(open);
                    at += 1;
                }
                b')' | b']' | b'}' => {
                    open = open.saturating_sub(1);
                    at += 1;
                }
                b'<' | b'>' | b'=' | b'!' => {
                    let end = run_end(bytes, at, |next| matches!(next, b'<' | b'>' | b'=' | b'!'));
                    if !(update && byte == b'=') {
                        // At most two characters make one comparator.
                        shape.operators += (end - at).div_ceil(2);
                    }
                    // `<<` opens a set literal of PartiQL.
                    if bytes[at..end].starts_with(b"<<") {
                        open += (end - at) / 2;
                        shape.depth = shape.depth.max(open);
                    } else if bytes[at..end].starts_with(b">>") {
                        open = open.saturating_sub((end - at) / 2);
                    }
                    at = end;
                }
                b'+' | b'-' | b'*' | b'/' => {
                    shape.operators += 1;
                    at += 1;
                }
                _ if is_name(byte) => {
                    let end = run_end(bytes, at, is_name);
                    let name = &text[at..end];
                    let next = bytes[end..].iter().find(|next| !next.is_ascii_whitespace());
                    shape.operators += usize::from(match name.to_ascii_uppercase().as_str() {
                        "BETWEEN" => {
                            and_belongs_to_between = true;
                            true
                        }
                        "AND" => !std::mem::take(&mut and_belongs_to_between),
                        "OR" | "NOT" | "IN" => true,
                        _ => next == Some(&b'('),
                    });
                    at = end;
                }
                _ => at += 1,
            }
        }
        shape.open_at_end = open;
        shape
    }
}

/// Part of a name, a placeholder or a number. Bytes beyond ASCII count as such, so that a run
/// never ends inside a character.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'#' | b':' | b'.' | b'$') || byte >= 0x80
}

fn run_end(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..]
        .iter()
        .position(|byte| !belongs(*byte))
        .map_or(bytes.len(), |length| from + length)
}

/// Just after the quoted text that opens at `from`; a doubled quote stands for itself and
/// reads as two texts, which comes to the same.
fn after_quoted(bytes: &[u8], from: usize) -> usize {
    bytes[from + 1..]
        .iter()
        .position(|byte| *byte == bytes[from])
        .map_or(bytes.len(), |length| from + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators(text: &str) -> usize {
        Shape::of(text, false).operators
    }

    #[test]
    fn operators_and_functions_are_counted_as_dynamodb_counts_them() {
        for (expected, text) in [
            (0, "#a"),
            (1, "a = :v"),
            (1, "a <> :v"),
            (1, "a BETWEEN :x AND :y"),
            (3, "a BETWEEN :x AND :y AND b >= :z"),
            (1, "attribute_exists(a)"),
            (2, "NOT contains (a, :v)"),
            (1, "a IN (:x, :y, :z)"),
            (5, "a = :x OR b = :y OR c = :z"),
            (1, "name = 'a = b and (c'"),
        ] {
            assert_eq!(operators(text), expected, "{text}");
        }
        // The guide's own example: two operators.
        assert_eq!(
            Shape::of("SET a = :val1 + :val2 + :val3", true).operators,
            2
        );
    }

    #[test]
    fn brackets_in_quotes_or_side_by_side_do_not_nest() {
        assert_eq!(Shape::of("(a) (b) '((((' \"[[[\"", false).depth, 1);
        assert_eq!(Shape::of("<<<<1>>>>", false).depth, 2);
        assert_eq!(Shape::of("((é", false).open_at_end, 2);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn any_text_is_judged_and_nothing_deeper_than_the_limit_passes(
            text in "([(\\[{<'\"a=é ]|AND |NOT ){0,500}",
        ) {
            let shape = Shape::of(&text, false);
            let accepted = check_expression("FilterExpression", &text).is_ok();
            proptest::prop_assert_eq!(
                accepted,
                text.len() <= EXPRESSION_BYTES_MAX
                    && shape.depth <= BRACKETS_MAX
                    && shape.operators <= OPERATORS_MAX
            );
            // Quotes hide brackets, nothing else does.
            if !text.contains(['\'', '"']) {
                let opening = text.matches(['(', '[', '{']).count();
                proptest::prop_assert!(shape.depth >= opening);
            }
        }
    }

    #[test]
    fn the_limits_hold_exactly() {
        let condition = |count: usize| vec!["a = :v"; count].join(" AND ");
        // n comparisons take 2n − 1 operators.
        assert_eq!(
            check_expression("FilterExpression", &condition(150)),
            Ok(())
        );
        assert_eq!(
            check_expression("FilterExpression", &condition(151)).expect_err("301 operators"),
            "Invalid FilterExpression: The expression contains too many operators; \
             operator count: 301"
        );
        let long = |length: usize| format!("a = :{}", "v".repeat(length - 5));
        assert_eq!(check_expression("FilterExpression", &long(4096)), Ok(()));
        assert!(check_expression("FilterExpression", &long(4097)).is_err());
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(check_expression("FilterExpression", &nested(300)), Ok(()));
        assert_eq!(
            check_expression("FilterExpression", &nested(301)).expect_err("too deep"),
            "Invalid FilterExpression: The expression has redundant parentheses;"
        );
    }

    #[test]
    fn an_open_end_beyond_ascii_is_named_whole() {
        let text = format!("{}é(é", "(".repeat(301));
        assert_eq!(
            check_expression("FilterExpression", &text).expect_err("too deep"),
            "Invalid FilterExpression: Syntax error; token: \"<EOF>\", near: \"(é\""
        );
    }

    #[test]
    fn an_attribute_named_like_an_expression_is_not_one() {
        let item = serde_json::json!({"Item": {"ConditionExpression": {"S": "(".repeat(5000)}}});
        assert_eq!(check("PutItem", &item), Ok(()));
    }
}
