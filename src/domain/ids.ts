import { accept, refuse } from './outcome.ts';
import type { Outcome } from './outcome.ts';

/**
 * Identifiers are int4 in Postgres and int32 columns on the wire: four bytes a reading instead of
 * sixteen. The brands keep a meter from being passed where an account is meant; only this file
 * makes them.
 */
export type CompanyId = number & { readonly __brand: 'CompanyId' };
export type EdgeId = number & { readonly __brand: 'EdgeId' };
export type BusId = number & { readonly __brand: 'BusId' };
export type MeterId = number & { readonly __brand: 'MeterId' };
export type AccountId = number & { readonly __brand: 'AccountId' };
export type AgreementId = number & { readonly __brand: 'AgreementId' };
export type TariffId = number & { readonly __brand: 'TariffId' };
export type TariffVersionId = number & { readonly __brand: 'TariffVersionId' };
export type ServicePointId = number & { readonly __brand: 'ServicePointId' };

const idMax = 2_147_483_647; // int4

function isId(raw: unknown): raw is number {
  return typeof raw === 'number' && Number.isInteger(raw) && raw > 0 && raw <= idMax;
}

function malformed(noun: string): ReturnType<typeof refuse<'ID_MALFORMED'>> {
  return refuse('ID_MALFORMED', `A ${noun} id is a whole number from 1 to ${idMax}.`);
}

export function parseCompanyId(raw: unknown): Outcome<CompanyId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as CompanyId) : malformed('company');
}
export function parseEdgeId(raw: unknown): Outcome<EdgeId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as EdgeId) : malformed('edge');
}
export function parseBusId(raw: unknown): Outcome<BusId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as BusId) : malformed('bus');
}
export function parseMeterId(raw: unknown): Outcome<MeterId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as MeterId) : malformed('meter');
}
export function parseAccountId(raw: unknown): Outcome<AccountId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as AccountId) : malformed('account');
}
export function parseAgreementId(raw: unknown): Outcome<AgreementId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as AgreementId) : malformed('agreement');
}
export function parseTariffId(raw: unknown): Outcome<TariffId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as TariffId) : malformed('tariff');
}
export function parseTariffVersionId(raw: unknown): Outcome<TariffVersionId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as TariffVersionId) : malformed('tariff version');
}
export function parseServicePointId(raw: unknown): Outcome<ServicePointId, 'ID_MALFORMED'> {
  return isId(raw) ? accept(raw as ServicePointId) : malformed('service point');
}
