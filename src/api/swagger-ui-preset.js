// Stands in for swagger-ui-standalone-preset.js, which the page's template names: the same layout without the top bar.
function SwaggerUIStandalonePreset(system) {
  return {
    components: {
      StandaloneLayout: function StandaloneLayout(props) {
        return system.React.createElement(props.getComponent("BaseLayout", true));
      },
    },
  };
}
