import { formatMicros } from '../exact.ts';

/** Codes with other than two decimals, and all others in use. Source: ISO 4217 list one. */
const codesByMinorDigits: ReadonlyMap<number, string> = new Map([
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
  [
    2,
    'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN ' +
      'BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP ' +
      'GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT ' +
      'LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN ' +
      'NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE ' +
      'SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES ' +
      'WST XCD XCG YER ZAR ZMW ZWG',
  ],
]);

const minorDigitsByCode: ReadonlyMap<string, number> = new Map(
  [...codesByMinorDigits].flatMap(([digits, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, digits]),
  ),
);

/** Decimals of the currency's smallest unit, or undefined for a code that is not in use. */
export function minorDigitsOf(currency: string): number | undefined {
  return minorDigitsByCode.get(currency);
}

/** For people: "5.00 EUR", with more decimals where there is more. */
export function moneyText(micros: bigint, currency: string): string {
  return `${formatMicros(micros, minorDigitsOf(currency) ?? 0)} ${currency}`;
}
