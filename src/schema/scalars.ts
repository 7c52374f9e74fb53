import { Kind } from 'graphql';
import type { ValueNode } from 'graphql';
import { minorDigitsOf } from '../domain/tariff/currency.ts';
import { builder } from './builder.ts';
import { coded } from './coded.ts';

const decimalPattern = /^-?(?:0|[1-9]\d{0,37})(?:\.\d{1,37})?$/;
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** RFC 3339 with an offset: a time without one would be a guess. */
const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

function text(value: unknown, { code, hint }: { code: string; hint: string }): string {
  if (typeof value !== 'string') throw coded(code, hint);
  return value;
}

const decimal = {
  code: 'DECIMAL_MALFORMED',
  hint: 'Write a decimal number as text, such as "12.50".',
};
const uuid = {
  code: 'UUID_MALFORMED',
  hint: 'Write a UUID such as "3f2b1c9e-5d4a-4b7e-8f60-1a2b3c4d5e6f".',
};
const instant = {
  code: 'INSTANT_MALFORMED',
  hint: 'Write an instant with its offset, such as "2026-03-29T01:00:00Z".',
};
const currency = {
  code: 'CURRENCY_UNKNOWN',
  hint: 'Write an ISO 4217 code in use, such as "EUR".',
};
const cursor = { code: 'CURSOR_MALFORMED', hint: 'Send the cursor as an event carried it.' };

/** A literal in a document must be text as well: 12.50 there would be a float. */
function literalText(node: ValueNode, expected: { code: string; hint: string }): string {
  if (node.kind !== Kind.STRING) throw coded(expected.code, expected.hint);
  return node.value;
}

function parseDecimalText(value: string): string {
  // Too many decimals for a currency are the operation's to refuse, with a better sentence.
  if (!decimalPattern.test(value)) throw coded(decimal.code, decimal.hint);
  return value;
}

function parseUuidText(value: string): string {
  if (!uuidPattern.test(value)) throw coded(uuid.code, uuid.hint);
  return value.toLowerCase();
}

function parseInstant(value: string): Date {
  const parsed = instantPattern.test(value) ? new Date(value) : null;
  if (parsed === null || Number.isNaN(parsed.getTime())) throw coded(instant.code, instant.hint);
  return parsed;
}

function parseCurrency(value: string): string {
  if (minorDigitsOf(value) === undefined) throw coded(currency.code, currency.hint);
  return value;
}

builder.scalarType('Decimal', {
  description: 'An exact decimal number as text, with its scale kept: "5.00" is not "5".',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema-2/#decimal',
  serialize: (value) => value,
  parseValue: (value) => parseDecimalText(text(value, decimal)),
  parseLiteral: (node) => parseDecimalText(literalText(node, decimal)),
});

builder.scalarType('UUID', {
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc9562',
  serialize: (value) => value,
  parseValue: (value) => parseUuidText(text(value, uuid)),
  parseLiteral: (node) => parseUuidText(literalText(node, uuid)),
});

builder.scalarType('DateTime', {
  description: 'An instant of UTC to the millisecond.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => parseInstant(text(value, instant)),
  parseLiteral: (node) => parseInstant(literalText(node, instant)),
});

builder.scalarType('CurrencyCode', {
  description: 'ISO 4217.',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
  serialize: (value) => value,
  parseValue: (value) => parseCurrency(text(value, currency)),
  parseLiteral: (node) => parseCurrency(literalText(node, currency)),
});

builder.scalarType('Cursor', {
  description: 'A place in a stream. Opaque: keep it and send it back as `after`.',
  serialize: (value) => value,
  parseValue: (value) => text(value, cursor),
  parseLiteral: (node) => literalText(node, cursor),
});

/** A literal as the JSON it spells; numbers stay numbers, which tariff documents do not have. */
function jsonOf(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map(jsonOf);
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, jsonOf(field.value)]),
      );
    case Kind.VARIABLE:
      throw coded('JSON_MALFORMED', 'Send the whole document as one variable.');
    default:
      return node satisfies never;
  }
}

builder.scalarType('JSON', {
  description: 'A JSON value as it is.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: jsonOf,
});
