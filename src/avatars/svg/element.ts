/** A checked element of an avatar. */
export interface SvgElement {
  name: string
  id: string | undefined
  attributes: Array<[name: string, value: string]>
  /** The ids that it refers to, by href and by url(#id). */
  references: string[]
  children: Array<SvgElement | string>
}
