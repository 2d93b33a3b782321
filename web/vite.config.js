import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/**
 * The policy of plugins/web.ts forbids `<style>` elements and style attributes that are set as text. The
 * emoji picker uses both, so these places are rewritten. The build fails if one of them is not found.
 */
const PICKER = [
  [/const style = document\.create.+;\s+style\.textContent = (.+);\s+.+\.appendChild\(style\);/,
    'const sheet = new CSSStyleSheet(); sheet.replaceSync($1); ' +
    'this.shadowRoot.adoptedStyleSheets = [sheet];'],
  [/targetNode\.setAttribute\(attributeName, newValue\);/,
    "if (attributeName === 'style') targetNode.style.cssText = newValue; " +
    'else targetNode.setAttribute(attributeName, newValue);']
]

function strictPicker () {
  return {
    name: 'strict-picker',
    enforce: 'pre',
    transform (code, id) {
      if (!id.split('?')[0].endsWith('/emoji-picker-element/picker.js')) return undefined
      return PICKER.reduce((text, [from, to]) => {
        if (!from.test(text)) throw new Error(`emoji-picker-element has changed: ${from}`)
        return text.replace(from, to)
      }, code)
    }
  }
}

export default defineConfig({
  root: import.meta.dirname,
  // The workspace's root has React 18 too, for a tool: Bootstrap's components must not get that one.
  resolve: { dedupe: ['react', 'react-dom'] },
  plugins: [strictPicker(), react()],
  // The policy of plugins/web.ts allows no data: fonts or scripts, and no inline code.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, manifest: true, emptyOutDir: true }
})
