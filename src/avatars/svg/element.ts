/** An element of an avatar, checked. */
export interface SvgElement {
  name: string
  id: string | undefined
  attributes: Array<[name: string, value: string]>
  /** Ids it refers to: by href and by url(#id). */
  references: string[]
  children: Array<SvgElement | string>
}
