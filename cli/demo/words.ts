/** How the demo writes money and time. */

export const describeMoney = (amountMinor: number, currency: string): string => {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}

/** `10 Apr 2027`, in UTC as everything else. */
export const describeDay = (time: string | number): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(time))

/** `10 Apr 2027 12:00` */
export const describeTime = (time: string | number): string =>
  `${describeDay(time)} ${new Date(time).toISOString().slice(11, 16)}`

export const describeAccess = ({ has_access, roles }: { has_access: boolean; roles: string[] }): string =>
  has_access ? `has access (roles: ${roles.join(', ')})` : 'has no access any more'
